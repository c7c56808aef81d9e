import type { LaunchPlan, LaunchProcess, LaunchSegment, LaunchText } from "./engine.ts";

/** The values of the segments of a plan, which the engine knows once the run has its nodes. */
export interface SegmentValues {
  /** Address of each node of the plan, in its order. */
  readonly addresses: readonly string[];
  /** Port by the number that the plan gives it. */
  readonly ports: ReadonlyMap<number, number>;
}

/** A plan without segments: every text in it is plain. */
export type PlainPlan = Omit<LaunchPlan, "environment" | "files" | "preparation" | "processes"> & {
  readonly environment: Readonly<Record<string, string>>;
  readonly files: readonly { readonly path: string; readonly content: string }[];
  readonly preparation: readonly PlainProcess[];
  readonly processes: readonly PlainProcess[];
};

/** A process of a {@link PlainPlan}. */
export type PlainProcess = Omit<LaunchProcess, "environment"> & {
  readonly environment: Readonly<Record<string, string>>;
};

/** Returns the numbers of all ports that a plan uses, in ascending order. */
export function portNumbersIn({ environment, files, preparation, processes }: LaunchPlan): number[] {
  const environments = [environment, ...[...preparation, ...processes].map((process) => process.environment)];
  const texts = [
    ...environments.flatMap((variables) => Object.values(variables)),
    ...files.map(({ content }) => content),
  ];
  const segments = texts.flatMap((text) => (typeof text === "string" ? [] : text));
  const numbers = segments.flatMap((segment) => (isSegment(segment, "port") ? [segment.port] : []));
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Returns the plan with all of its segments filled in. */
export function withoutSegments(plan: LaunchPlan, values: SegmentValues): PlainPlan {
  const plain = (text: LaunchText): string => plainText(text, values);
  const variables = (environment: Readonly<Record<string, LaunchText>>): Record<string, string> =>
    Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, plain(text)]));
  const process = (step: LaunchProcess): PlainProcess => ({ ...step, environment: variables(step.environment) });
  return {
    ...plan,
    environment: variables(plan.environment),
    files: plan.files.map(({ path, content }) => ({ path, content: plain(content) })),
    preparation: plan.preparation.map(process),
    processes: plan.processes.map(process),
  };
}

function plainText(text: LaunchText, { addresses, ports }: SegmentValues): string {
  if (typeof text === "string") return text;
  return text
    .map((segment) => {
      if (typeof segment === "string") return segment;
      if ("host" in segment) return known(addresses[segment.host], segment);
      if ("hostName" in segment) return known(addresses[segment.hostName], segment);
      return known(ports.get(segment.port), segment);
    })
    .join("");
}

function isSegment<K extends string>(
  segment: LaunchSegment,
  kind: K,
): segment is Extract<LaunchSegment, Readonly<Record<K, number>>> {
  return typeof segment !== "string" && kind in segment;
}

function known(value: string | number | undefined, segment: LaunchSegment): string {
  if (value === undefined) throw new RangeError(`The plan has no node or port for ${JSON.stringify(segment)}.`);
  return String(value);
}
