/**
 * The language of the tables in this folder. A table describes how the properties of a model are sent as JSON. The
 * compiler checks each table against its interface, in both directions; see {@link Table}.
 *
 * Functions that create rows and tables are marked as free of side effects, so bundlers can omit unused tables.
 */

declare const typeOfValue: unique symbol;

/** Text. */
export interface StringType {
  readonly kind: "string";
}

/** An ISO 8601 duration; text in the model and in JSON. */
export interface DurationType {
  readonly kind: "duration";
}

/** A whole number. */
export interface IntegerType {
  readonly kind: "integer";
  /** Width in JSON; an `int64` is limited to the integers that a JavaScript number represents exactly. */
  readonly format: "int32" | "int64";
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A point in time: a `Date` in the model, ISO 8601 in UTC in JSON. */
export interface DateTimeType {
  readonly kind: "dateTime";
}

/** One value of a set. */
export interface EnumerationType<Word extends string = never, Closed extends boolean = boolean> {
  readonly kind: "enumeration";
  readonly values: readonly string[];
  /** Whether other values are errors. In an open enumeration, the service can use new values at any time. */
  readonly closed: Closed;
  /** Exists only for the compiler, which reports missing and extra values of a table. */
  readonly [typeOfValue]?: (word: Word) => Word;
}

/** An object with its own table. */
export interface ModelType<Schema = AnyModel> {
  readonly kind: "model";
  /** A function, because a model can contain itself. */
  readonly schema: () => Schema;
}

/** A list. */
export interface ArrayType<Items = AnyType> {
  readonly kind: "array";
  readonly items: Items;
  readonly maxItems?: number;
}

/** Names and values; all values have the same type. */
export interface MapType<Values = AnyType> {
  readonly kind: "map";
  readonly values: Values;
}

/** An object with unknown properties. */
export interface ObjectType {
  readonly kind: "object";
}

/** Any type, for code that walks tables. */
export type AnyType =
  | StringType
  | DurationType
  | IntegerType
  | DateTimeType
  | EnumerationType
  | ModelType
  | ArrayType
  | MapType
  | ObjectType;

/** One row of a table: describes how one property is sent. */
export interface WireProperty<Type = AnyType> {
  /** Path in JSON; dots separate nested objects. */
  readonly path: string;
  readonly type: Type;
  /** Whether every request contains the property; if only the service sets the property, every response. */
  readonly required: boolean;
  /** Whether only the service sets the property; ignored in requests. */
  readonly readOnly: boolean;
  /** Whether the property is secret: accepted, but never returned, stored in plaintext, logged or shown in an error. */
  readonly secret: boolean;
  /** Value that the service uses if the property is absent. */
  readonly defaultValue?: string | number | boolean;
}

/** Any model, for code that walks tables. */
export interface AnyModel {
  /** Name of the interface. */
  readonly name: string;
  readonly properties: Readonly<Record<string, WireProperty>>;
  /** Rows by their places in JSON. */
  readonly members: WireMembers;
  /** Names of the JSON objects whose properties are lifted: `properties` or none. */
  readonly containers: readonly string[];
  /** Rows of the properties that every response contains, by name. */
  readonly always: readonly (readonly [name: string, property: WireProperty])[];
  /**
   * Whether any object with these properties can stand in for the model, for example a resource for its ID. Requests
   * then contain only the properties of the table.
   */
  readonly isReference: boolean;
}

/** Properties of a JSON object, by name: rows of the table, or nested objects with further rows. */
export type WireMembers = ReadonlyMap<string, { readonly name: string; readonly property: WireProperty } | WireMembers>;

/**
 * Describes how the model `T` is sent. `Keys` exists only for the compiler, which would otherwise confuse two
 * interfaces that differ only in optional properties.
 */
export interface ModelSchema<T, Keys = keyof T> extends AnyModel {
  /** Exists only for the compiler, which then accepts a schema only for its own interface. */
  readonly [typeOfValue]?: (value: T, key: Keys) => [T, Keys];
}

/** Row of a required property. */
export interface RequiredProperty<Type> extends WireProperty<Type> {
  readonly required: true;
  readonly readOnly: false;
}

/** Row of an optional property. */
export interface OptionalProperty<Type> extends WireProperty<Type> {
  readonly required: false;
  readonly readOnly: false;
}

/** Row of a property that only the service sets, in every response. */
export interface AlwaysProperty<Type> extends WireProperty<Type> {
  readonly required: true;
  readonly readOnly: true;
}

/** Row of a property that only the service sets. */
export interface ReadOnlyProperty<Type> extends WireProperty<Type> {
  readonly required: false;
  readonly readOnly: true;
}

/**
 * Table of an interface: a row for each property, which is required or read-only like the property and has a matching
 * type. A missing or mismatched property on either side does not compile.
 */
export type Table<T> = { readonly [K in keyof T]-?: Row<T, K> };

type Row<T, K extends keyof T> =
  Partial<Pick<T, K>> extends Pick<T, K>
    ? IsReadOnly<T, K> extends true
      ? ReadOnlyProperty<TypeOf<Exclude<T[K], undefined>>>
      : OptionalProperty<TypeOf<Exclude<T[K], undefined>>>
    : IsReadOnly<T, K> extends true
      ? AlwaysProperty<TypeOf<T[K]>>
      : RequiredProperty<TypeOf<T[K]>>;

type IsReadOnly<T, K extends keyof T> = Same<Pick<T, K>, Readonly<Pick<T, K>>>;

// The compiler compares only generic functions so exactly that `readonly` matters.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- `G` is what makes them generic
type Same<A, B> = (<G>() => G extends A ? 1 : 2) extends <G>() => G extends B ? 1 : 2 ? true : false;

/** Type of a row for a TypeScript type. */
type TypeOf<V> = [V] extends [string]
  ? StringTypeOf<V>
  : [V] extends [number]
    ? IntegerType
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

/** Literals of a union: `"a" | "b"` of `"a" | "b" | (string & {})`. */
type KnownWords<V> = V extends string ? (string extends V ? never : V) : never;

/** Text. */
export const string: StringType = { kind: "string" };

/** An ISO 8601 duration. */
export const duration: DurationType = { kind: "duration" };

/** A point in time. */
export const dateTime: DateTimeType = { kind: "dateTime" };

/** An object with unknown properties. */
export const freeObject: ObjectType = { kind: "object" };

/** A whole number of 32 bits, within limits. */
// @__NO_SIDE_EFFECTS__
export function int32(limits: { minimum?: number; maximum?: number } = {}): IntegerType {
  return { kind: "integer", format: "int32", ...limits };
}

/** A whole number of 64 bits. */
// @__NO_SIDE_EFFECTS__
export function int64(): IntegerType {
  return { kind: "integer", format: "int64" };
}

/** One of these values, or a new value of a newer service. */
// @__NO_SIDE_EFFECTS__
export function oneOf<const Words extends string[]>(...values: Words): EnumerationType<Words[number], false> {
  return { kind: "enumeration", values, closed: false };
}

/** One of these values and no other. */
// @__NO_SIDE_EFFECTS__
export function onlyOneOf<const Words extends string[]>(...values: Words): EnumerationType<Words[number], true> {
  return { kind: "enumeration", values, closed: true };
}

/** An object with its own table. Pass a function if the table contains itself. */
// @__NO_SIDE_EFFECTS__
export function object<Schema extends AnyModel>(schema: Schema | (() => Schema)): ModelType<Schema> {
  return { kind: "model", schema: typeof schema === "function" ? schema : () => schema };
}

/** An array of at most `maxItems` items. */
// @__NO_SIDE_EFFECTS__
export function arrayOf<Items>(items: Items, limits: { maxItems?: number } = {}): ArrayType<Items> {
  return { kind: "array", items, ...limits };
}

/** Names and values; all values have one type. */
// @__NO_SIDE_EFFECTS__
export function mapOf<Values>(values: Values): MapType<Values> {
  return { kind: "map", values };
}

/** A property that requests must contain. */
// @__NO_SIDE_EFFECTS__
export function required<Type>(path: string, type: Type): RequiredProperty<Type> {
  return { path, type, required: true, readOnly: false, secret: false };
}

/** A property that requests can contain, and the value that the service uses if it is absent. */
// @__NO_SIDE_EFFECTS__
export function optional<Type>(path: string, type: Type, defaultValue?: Default<Type>): OptionalProperty<Type> {
  return { path, type, required: false, readOnly: false, secret: false, defaultValue };
}

/** A property that only the service sets, in every response. A response without it is rejected. */
// @__NO_SIDE_EFFECTS__
export function always<Type>(path: string, type: Type): AlwaysProperty<Type> {
  return { path, type, required: true, readOnly: true, secret: false };
}

/** A property that only the service sets. */
// @__NO_SIDE_EFFECTS__
export function readOnly<Type>(path: string, type: Type): ReadOnlyProperty<Type> {
  return { path, type, required: false, readOnly: true, secret: false };
}

/** A property that requests can contain and the service never returns. */
// @__NO_SIDE_EFFECTS__
export function secret<Type>(path: string, type: Type): OptionalProperty<Type> {
  return { path, type, required: false, readOnly: false, secret: true };
}

type Default<Type> = Type extends EnumerationType<infer Word> ? Word : Type extends IntegerType ? number : string;

/**
 * Creates a table from groups of rows, in this order, followed by its own rows. Bundlers keep every table that uses
 * `...` instead, because they cannot know that this has no side effects.
 */
// @__NO_SIDE_EFFECTS__
export function withRows<T, Groups extends readonly Partial<T>[]>(
  groups: readonly [...Groups],
  own: Omit<T, NamesIn<Groups[number]>>,
): T {
  return Object.assign({}, ...groups, own) as T;
}

type NamesIn<Group> = Group extends unknown ? keyof Group : never;

/**
 * Creates the schema of a reference: requests contain only the properties of its table, because any object that has
 * them can stand in for it.
 */
// @__NO_SIDE_EFFECTS__
export function reference<T>(name: string, table: Table<T>): ModelSchema<T> {
  return new Schema(name, table as unknown as AnyModel["properties"], true);
}

/** Creates the schema of the interface `T` from its table. */
// @__NO_SIDE_EFFECTS__
export function model<T>(name: string, table: Table<T>): ModelSchema<T> {
  return new Schema(name, table as unknown as AnyModel["properties"], false);
}

/** A schema. Derives lookups when they are needed, because an import creates all schemas. */
class Schema implements AnyModel {
  readonly name: string;
  readonly properties: AnyModel["properties"];
  readonly isReference: boolean;
  #members: ReadonlyMap<string, MemberPlace> | undefined;
  #containers: AnyModel["containers"] | undefined;
  #always: AnyModel["always"] | undefined;

  constructor(name: string, properties: AnyModel["properties"], isReference: boolean) {
    this.name = name;
    this.properties = properties;
    this.isReference = isReference;
  }
  get members(): ReadonlyMap<string, MemberPlace> {
    return (this.#members ??= membersOf(this.properties));
  }
  get containers(): AnyModel["containers"] {
    return (this.#containers ??= [...this.members].filter(([, place]) => place instanceof Map).map(([name]) => name));
  }
  get always(): AnyModel["always"] {
    return (this.#always ??= Object.entries(this.properties).filter(([, row]) => row.required && row.readOnly));
  }
}

function membersOf(properties: AnyModel["properties"]): Map<string, MemberPlace> {
  const members = new Map<string, MemberPlace>();
  for (const [name, property] of Object.entries(properties)) {
    placeAt(members, property.path.split("."), { name, property });
  }
  return members;
}

type MemberPlace = { name: string; property: WireProperty } | Map<string, MemberPlace>;

function placeAt(members: Map<string, MemberPlace>, steps: readonly string[], place: MemberPlace): void {
  const [first = "", ...rest] = steps;
  const present = members.get(first);
  const inner = present instanceof Map ? present : new Map<string, MemberPlace>();
  members.set(first, rest.length === 0 ? place : inner);
  if (rest.length > 0) placeAt(inner, rest, place);
}
