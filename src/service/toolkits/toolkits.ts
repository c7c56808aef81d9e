import type { JobCreateParameters, ToolType } from "../../models/job.ts";
import type { ToolkitSettings } from "../../models/toolkitSettings.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { caffe } from "./caffe.ts";
import { caffe2 } from "./caffe2.ts";
import { chainer } from "./chainer.ts";
import { cntk } from "./cntk.ts";
import { custom } from "./custom.ts";
import { customMpi } from "./customMpi.ts";
import { horovod } from "./horovod.ts";
import { pyTorch } from "./pyTorch.ts";
import { tensorFlow } from "./tensorFlow.ts";
import type { SettingsOf, Toolkit, ToolkitContext, ToolkitProcess, ToolkitProperty } from "./toolkit.ts";

/** All toolkits of the API, by the property that contains their settings. */
const toolkits: { readonly [P in ToolkitProperty]: Toolkit<P> } = {
  cntkSettings: cntk,
  pyTorchSettings: pyTorch,
  tensorFlowSettings: tensorFlow,
  caffeSettings: caffe,
  caffe2Settings: caffe2,
  chainerSettings: chainer,
  horovodSettings: horovod,
  customMpiSettings: customMpi,
  customToolkitSettings: custom,
};

const properties = Object.keys(toolkits) as ToolkitProperty[];

/** Settings of toolkits with the number of nodes on which they run. Default: one node. */
type SettingsOnNodes = ToolkitSettings & { readonly nodeCount?: number };

/** Returns the problems of the toolkit of a job, which needs the settings of exactly one. */
export function toolkitIssues(job: SettingsOnNodes): ValidationIssue[] {
  const [chosen, second] = choicesOf(job);
  if (chosen === undefined) {
    const message = `exactly one of ${properties.join(", ")} is needed, got none`;
    return [{ path: "properties.customToolkitSettings", message }];
  }
  if (second === undefined) return chosen.issues(job.nodeCount ?? 1);
  const given = choicesOf(job).map(({ property }) => property);
  const message = `exactly one toolkit is allowed, but ${given.join(" and ")} are given`;
  return [{ path: `properties.${second.property}`, message }];
}

/** Returns the tool type that follows from the settings that a job gives; undefined if it gives none. */
export function toolTypeOf(job: ToolkitSettings): ToolType | undefined {
  return choicesOf(job)[0]?.toolType;
}

/** Returns the names of the variables that the toolkit of a job sets. */
export function toolkitVariablesOf(job: ToolkitSettings): readonly string[] {
  return choicesOf(job)[0]?.variables ?? [];
}

/** Returns the settings from which the command lines of a job follow, by their path in the request body. */
export function commandLinePropertyOf(job: ToolkitSettings): string {
  return `properties.${choicesOf(job)[0]?.property ?? "customToolkitSettings"}`;
}

/** Returns a job with the defaults that depend on its toolkit. */
export function withToolkitDefaults(job: JobCreateParameters): JobCreateParameters {
  const defaults = choicesOf(job).map((choice): [string, unknown] => [choice.property, choice.withDefaults(job)]);
  return { ...job, ...Object.fromEntries<unknown>(defaults) };
}

/** The work of a toolkit for one job. */
export interface ToolkitWork {
  readonly processes: readonly ToolkitProcess[];
  /** Number of processes that MPI must be able to start on each node. */
  readonly slotsPerNode: number;
}

/**
 * Returns the work of a job's toolkit.
 * @throws RangeError if the job has no toolkit, which {@link toolkitIssues} finds.
 */
export function toolkitWorkOf(context: ToolkitContext): ToolkitWork {
  const [chosen] = choicesOf(context.job);
  if (chosen === undefined) throw new RangeError("The job has no toolkit.");
  return chosen.work(context);
}

/** Settings that a job gives, and their toolkit. */
interface Choice {
  readonly property: ToolkitProperty;
  readonly toolType: ToolType;
  issues(nodeCount: number): ValidationIssue[];
  withDefaults(job: JobCreateParameters): unknown;
  readonly variables: readonly string[];
  work(context: ToolkitContext): ToolkitWork;
}

function choicesOf(job: ToolkitSettings): Choice[] {
  return properties.flatMap((property) => choiceOf(property, job[property]) ?? []);
}

function choiceOf<P extends ToolkitProperty>(property: P, settings: SettingsOf<P> | undefined): Choice | undefined {
  if (settings === undefined) return undefined;
  const toolkit: Toolkit<P> = toolkits[property];
  return {
    property,
    toolType: toolkit.toolType,
    issues: (nodeCount) => toolkit.issues(settings, { path: `properties.${property}`, nodeCount }),
    withDefaults: (job) => toolkit.withDefaults(settings, job),
    variables: toolkit.variables,
    work: (context) => ({
      processes: toolkit.processes(settings, context),
      slotsPerNode: toolkit.slotsPerNode(settings, context),
    }),
  };
}
