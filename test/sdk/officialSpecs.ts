import { BatchAIManagementClient as OfficialClient } from "@azure/arm-batchai";
import { renamedMethods } from "./officialDifferences.ts";

/** What `@azure/arm-batchai` knows of a value that travels. */
export interface OfficialMapper {
  /** Path on the wire; empty for the items of a page, which are its `value`. */
  readonly serializedName: string;
  readonly required?: boolean;
  readonly constraints?: {
    readonly Pattern?: RegExp;
    readonly MinLength?: number;
    readonly MaxLength?: number;
    readonly InclusiveMinimum?: number;
    readonly InclusiveMaximum?: number;
  };
  readonly type: {
    readonly name: string;
    readonly className?: string;
    readonly modelProperties?: Readonly<Record<string, OfficialMapper>>;
    readonly element?: Unnamed;
    readonly value?: Unnamed;
    readonly allowedValues?: readonly string[];
  };
}

/** An item of a list or a map, which has no name of its own. */
type Unnamed = Omit<OfficialMapper, "serializedName"> & { readonly serializedName?: string };

interface Parameter {
  readonly mapper: OfficialMapper;
}

/** What `@azure/arm-batchai` knows of an operation; it shows it to nobody but its own runtime. */
export interface OfficialSpec {
  readonly httpMethod: string;
  readonly path: string;
  readonly urlParameters?: readonly Parameter[];
  readonly queryParameters: readonly Parameter[];
  readonly headerParameters: readonly Parameter[];
  readonly requestBody?: Parameter;
  readonly responses: Readonly<Record<string, { readonly bodyMapper?: OfficialMapper }>>;
  readonly serializer: {
    readonly modelMappers: Readonly<Record<string, OfficialMapper>>;
    serialize(mapper: OfficialMapper, value: unknown): unknown;
    deserialize(mapper: OfficialMapper, body: unknown, name: string): unknown;
  };
}

/** One of the 29 operations. */
export interface OfficialOperation {
  /** Name of the operation in this SDK, for example `jobs.delete`. */
  readonly name: string;
  readonly group: string;
  readonly method: string;
  /** Name of the method in the official package, for example `deleteMethod`. */
  readonly officialMethod: string;
  readonly isLongRunning: boolean;
  readonly isPaged: boolean;
  readonly spec: OfficialSpec;
}

type Group = Record<string, () => Promise<unknown>>;

/** Every operation of the official package: what its client would have sent is caught on the way into its runtime. */
export function officialOperations(): OfficialOperation[] {
  const client = new OfficialClient({ signRequest: (request) => Promise.resolve(request) }, "subscriptionId");
  let caught: OfficialSpec | undefined;
  const catchSpec = (_: unknown, spec: OfficialSpec): Promise<unknown> => {
    caught = spec;
    return Promise.resolve({ pollUntilFinished: () => Promise.resolve() });
  };
  Object.assign(client, { sendOperationRequest: catchSpec, sendLRORequest: catchSpec });
  return Object.entries(client as unknown as Record<string, Group>).flatMap(([group, operations]) => {
    const methods = methodsOf(operations);
    const main = methods.filter((method) => !/^begin|Next$|^constructor$/.test(method));
    return main.map((officialMethod) => {
      void operations[officialMethod]?.();
      if (!caught) throw new Error(`${group}.${officialMethod} sends nothing.`);
      const method = renamedMethods[officialMethod]?.ours ?? officialMethod;
      const begin = `begin${officialMethod.charAt(0).toUpperCase()}${officialMethod.slice(1)}`;
      return {
        name: `${group}.${method}`,
        group,
        method,
        officialMethod,
        isLongRunning: methods.includes(begin),
        isPaged: methods.includes(`${officialMethod}Next`),
        spec: caught,
      };
    });
  });
}

function methodsOf(group: unknown): string[] {
  if (typeof group !== "object" || group === null || !("client" in group)) return [];
  return Object.getOwnPropertyNames(Object.getPrototypeOf(group));
}

/** A full value of what a mapper describes: as a model, or as it travels. */
export function sampleOf(mapper: Unnamed, spec: OfficialSpec, view: "model" | "wire"): unknown {
  const { type, serializedName = "an item" } = mapper;
  const element = type.element ?? type.value;
  switch (type.name) {
    case "Composite": {
      const model = type.modelProperties ? type : spec.serializer.modelMappers[type.className ?? ""]?.type;
      const sample = {};
      for (const [name, property] of Object.entries(model?.modelProperties ?? {})) {
        const path = view === "wire" ? (property.serializedName || name).split(".") : [name];
        setAt(sample, path, sampleOf(property, spec, view));
      }
      return sample;
    }
    case "Sequence":
      return element && [sampleOf(element, spec, view)];
    case "Dictionary":
      return element && { one: sampleOf(element, spec, view) };
    case "Number":
      return 7;
    case "DateTime":
      return view === "wire" ? "2018-06-06T18:39:26.491Z" : new Date("2018-06-06T18:39:26.491Z");
    case "TimeSpan":
      return "PT4H30M";
    case "Enum":
      return type.allowedValues?.at(-1);
    case "Object":
      return { anything: true };
    default:
      return serializedName.endsWith("provisioningState") ? "succeeded" : `text of ${serializedName}`;
  }
}

function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = "", ...rest] = path;
  if (rest.length === 0) target[name] = value;
  else setAt((target[name] ??= {}) as Record<string, unknown>, rest, value);
}
