/**
 * The language in which the tables of this folder are written: how each property of a model travels. A table is checked
 * against its interface by the compiler, in both directions; see {@link Table}.
 *
 * What makes rows and tables is marked as free of side effects, so that bundlers leave out tables that nobody uses.
 */

declare const typeOfValue: unique symbol;

/** Text. */
export interface StringType {
  readonly kind: "string";
}

/** A length of time as an ISO 8601 duration; text at both ends of the wire. */
export interface DurationType {
  readonly kind: "duration";
}

/** A whole number. */
export interface IntegerType {
  readonly kind: "integer";
  /** Width on the wire; an `int64` is limited to what a JavaScript number holds exactly. */
  readonly format: "int32" | "int64";
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Any number. */
export interface NumberType {
  readonly kind: "number";
}

/** `true` or `false`. */
export interface BooleanType {
  readonly kind: "boolean";
}

/** A point in time: a `Date` in the model, ISO 8601 in UTC on the wire. */
export interface DateTimeType {
  readonly kind: "dateTime";
}

/** One of a set of words. */
export interface EnumerationType<Word extends string = never, Closed extends boolean = boolean> {
  readonly kind: "enumeration";
  readonly values: readonly string[];
  /** Whether other words are errors. In an open enumeration the service may use new ones at any time. */
  readonly closed: Closed;
  /** Exists only for the compiler: a word missing in a table is an error like one too many. */
  readonly [typeOfValue]?: (word: Word) => Word;
}

/** An object with a table of its own. */
export interface ModelType<Schema = AnyModel> {
  readonly kind: "model";
  /** A function, so that a model can contain itself. */
  readonly schema: () => Schema;
}

/** A list. */
export interface ArrayType<Items = AnyType> {
  readonly kind: "array";
  readonly items: Items;
  readonly maxItems?: number;
}

/** Names and values, all of one type. */
export interface MapType<Values = AnyType> {
  readonly kind: "map";
  readonly values: Values;
}

/** An object of which nothing is known. */
export interface ObjectType {
  readonly kind: "object";
}

/** Any type of the wire, for code that walks tables. */
export type AnyType =
  | StringType
  | DurationType
  | IntegerType
  | NumberType
  | BooleanType
  | DateTimeType
  | EnumerationType
  | ModelType
  | ArrayType
  | MapType
  | ObjectType;

/** One row of a table: how one property travels. */
export interface WireProperty<Type = AnyType> {
  /** Where it is on the wire; dots go down into objects. */
  readonly path: string;
  readonly type: Type;
  /** Has to be given in requests. */
  readonly required: boolean;
  /** Set by the service alone; ignored in requests. */
  readonly readOnly: boolean;
  /** Accepted but never returned, stored in clear, logged or named in an error. */
  readonly secret: boolean;
  /** What the service takes when the property is absent. */
  readonly defaultValue?: string | number | boolean;
}

/** Any model, for code that walks tables. */
export interface AnyModel {
  /** Name of the interface. */
  readonly name: string;
  readonly properties: Readonly<Record<string, WireProperty>>;
  /** Every path that a row names. */
  readonly paths: ReadonlySet<string>;
  /** The rows by their places on the wire, as a reader meets them. */
  readonly members: WireMembers;
  /** Names of the objects on the wire whose members are lifted: `properties` or nothing. */
  readonly containers: readonly string[];
}

/** What the members of an object on the wire are: a row of the table, or an object with more of them. */
export type WireMembers = ReadonlyMap<string, { readonly name: string; readonly property: WireProperty } | WireMembers>;

/**
 * How the model `T` travels. `Keys` is there for the compiler, which would otherwise take one interface for another that
 * only has more optional properties.
 */
export interface ModelSchema<T, Keys = keyof T> extends AnyModel {
  /** Exists only for the compiler: it lets a schema be used for its own interface and for no other. */
  readonly [typeOfValue]?: (value: T, key: Keys) => [T, Keys];
}

/** A row that a property has to be given by. */
export interface RequiredProperty<Type> extends WireProperty<Type> {
  readonly required: true;
  readonly readOnly: false;
}

/** A row that a property may be given by. */
export interface OptionalProperty<Type> extends WireProperty<Type> {
  readonly required: false;
  readonly readOnly: false;
}

/** A row that the service alone fills in. */
export interface ReadOnlyProperty<Type> extends WireProperty<Type> {
  readonly required: false;
  readonly readOnly: true;
}

/**
 * The table that an interface asks for: a row for each property, required where the property is, read-only where it is,
 * and of a type that fits. A property missing or of the wrong kind on either side does not compile.
 */
export type Table<T> = { readonly [K in keyof T]-?: Row<T, K> };

type Row<T, K extends keyof T> =
  Partial<Pick<T, K>> extends Pick<T, K>
    ? IsReadOnly<T, K> extends true
      ? ReadOnlyProperty<TypeOf<Exclude<T[K], undefined>>>
      : OptionalProperty<TypeOf<Exclude<T[K], undefined>>>
    : RequiredProperty<TypeOf<T[K]>>;

type IsReadOnly<T, K extends keyof T> = Same<Pick<T, K>, Readonly<Pick<T, K>>>;

// Two generic functions are the only types that the compiler compares so exactly that `readonly` matters.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- `G` is what makes them generic
type Same<A, B> = (<G>() => G extends A ? 1 : 2) extends <G>() => G extends B ? 1 : 2 ? true : false;

/** The type of the wire that a TypeScript type asks for. */
type TypeOf<V> = [V] extends [string]
  ? StringTypeOf<V>
  : [V] extends [number]
    ? IntegerType | NumberType
    : [V] extends [boolean]
      ? BooleanType
      : [V] extends [Date]
        ? DateTimeType
        : V extends readonly (infer Item)[]
          ? ArrayType<TypeOf<Item>>
          : string extends keyof V
            ? unknown extends V[keyof V]
              ? ObjectType
              : MapType<TypeOf<V[keyof V]>>
            : ModelType<ModelSchema<V>>;

type StringTypeOf<V> = [KnownWords<V>] extends [never]
  ? StringType | DurationType
  : EnumerationType<KnownWords<V>, [V] extends [KnownWords<V>] ? true : false>;

/** The literals of a union: `"a" | "b"` of `"a" | "b" | (string & {})`. */
type KnownWords<V> = V extends string ? (string extends V ? never : V) : never;

/** Text. */
export const string: StringType = { kind: "string" };

/** An ISO 8601 duration. */
export const duration: DurationType = { kind: "duration" };

/** Any number. */
export const number: NumberType = { kind: "number" };

/** `true` or `false`. */
export const boolean: BooleanType = { kind: "boolean" };

/** A point in time. */
export const dateTime: DateTimeType = { kind: "dateTime" };

/** An object of which nothing is known. */
export const freeObject: ObjectType = { kind: "object" };

/** A whole number that fits in 32 bits, within limits. */
// @__NO_SIDE_EFFECTS__
export function int32(limits: { minimum?: number; maximum?: number } = {}): IntegerType {
  return { kind: "integer", format: "int32", ...limits };
}

/** A whole number that may need more than 32 bits. */
// @__NO_SIDE_EFFECTS__
export function int64(): IntegerType {
  return { kind: "integer", format: "int64" };
}

/** One of these words, or one that nobody knows yet. */
// @__NO_SIDE_EFFECTS__
export function oneOf<const Words extends string[]>(...values: Words): EnumerationType<Words[number], false> {
  return { kind: "enumeration", values, closed: false };
}

/** One of these words and no other. */
// @__NO_SIDE_EFFECTS__
export function onlyOneOf<const Words extends string[]>(...values: Words): EnumerationType<Words[number], true> {
  return { kind: "enumeration", values, closed: true };
}

/** An object with a table of its own; give a function where the table is not there yet, because it contains itself. */
// @__NO_SIDE_EFFECTS__
export function object<Schema extends AnyModel>(schema: Schema | (() => Schema)): ModelType<Schema> {
  return { kind: "model", schema: typeof schema === "function" ? schema : () => schema };
}

/** A list of at most `maxItems` items. */
// @__NO_SIDE_EFFECTS__
export function arrayOf<Items>(items: Items, limits: { maxItems?: number } = {}): ArrayType<Items> {
  return { kind: "array", items, ...limits };
}

/** Names and values of one type. */
// @__NO_SIDE_EFFECTS__
export function mapOf<Values>(values: Values): MapType<Values> {
  return { kind: "map", values };
}

/** A property that has to be given in requests. */
// @__NO_SIDE_EFFECTS__
export function required<Type>(path: string, type: Type): RequiredProperty<Type> {
  return { path, type, required: true, readOnly: false, secret: false };
}

/** A property that may be given in requests, and what the service takes when it is not. */
// @__NO_SIDE_EFFECTS__
export function optional<Type>(path: string, type: Type, defaultValue?: Default<Type>): OptionalProperty<Type> {
  return { path, type, required: false, readOnly: false, secret: false, defaultValue };
}

/** A property that the service alone sets. */
// @__NO_SIDE_EFFECTS__
export function readOnly<Type>(path: string, type: Type): ReadOnlyProperty<Type> {
  return { path, type, required: false, readOnly: true, secret: false };
}

/** A property that may be given in requests and never comes back. */
// @__NO_SIDE_EFFECTS__
export function secret<Type>(path: string, type: Type): OptionalProperty<Type> {
  return { path, type, required: false, readOnly: false, secret: true };
}

type Default<Type> =
  Type extends EnumerationType<infer Word> ? Word : Type extends IntegerType | NumberType ? number : string;

/**
 * A table that takes over groups of rows, in this order, and has its own ones behind them. Bundlers keep every table that
 * takes over rows by `...`, since they cannot know that this does nothing else.
 */
// @__NO_SIDE_EFFECTS__
export function withRows<T, Groups extends readonly Partial<T>[]>(
  groups: readonly [...Groups],
  own: Omit<T, NamesIn<Groups[number]>>,
): T {
  return Object.assign({}, ...groups, own) as T;
}

type NamesIn<Group> = Group extends unknown ? keyof Group : never;

/** Makes the schema of the interface `T` from its table. */
// @__NO_SIDE_EFFECTS__
export function model<T>(name: string, table: Table<T>): ModelSchema<T> {
  const properties = table as unknown as AnyModel["properties"];
  const paths = new Set(Object.values(properties).map(({ path }) => path));
  const members = new Map<string, MemberPlace>();
  for (const [name, property] of Object.entries(properties)) {
    placeAt(members, property.path.split("."), { name, property });
  }
  const containers = [...members].filter(([, place]) => place instanceof Map).map(([container]) => container);
  return { name, properties, paths, members, containers };
}

type MemberPlace = { name: string; property: WireProperty } | Map<string, MemberPlace>;

function placeAt(members: Map<string, MemberPlace>, steps: readonly string[], place: MemberPlace): void {
  const [first = "", ...rest] = steps;
  if (rest.length === 0) {
    members.set(first, place);
    return;
  }
  const present = members.get(first);
  const inner = present instanceof Map ? present : new Map<string, MemberPlace>();
  members.set(first, inner);
  placeAt(inner, rest, place);
}
