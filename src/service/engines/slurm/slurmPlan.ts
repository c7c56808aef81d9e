import { isWithin } from "../../../ground/containment.ts";
import type { LaunchPlan, LaunchProcess, LaunchText } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { foldersOf, type RunFolders } from "../supervisor/runFolders.ts";

type Variables = Readonly<Record<string, LaunchText>>;

/** Returns the plan with the variables that only its first node can fill in moved to each of its processes. */
export function withOpenVariablesInSteps(plan: LaunchPlan): LaunchPlan {
  const open = Object.fromEntries(Object.entries(plan.environment).filter(([, value]) => typeof value === "object"));
  const inStep = (step: LaunchProcess): LaunchProcess => ({ ...step, environment: { ...open, ...step.environment } });
  return {
    ...plan,
    environment: plainVariables(plan),
    preparation: plan.preparation.map(inStep),
    processes: plan.processes.map(inStep),
  };
}

/** Returns the variables of a plan that are known before it starts. */
export function plainVariables({ environment }: { readonly environment: Variables }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

/** Returns what a run needs in the folders that all nodes share. Its nodes create what is on their own disks. */
export function sharedFoldersOf(plan: LaunchPlan): RunFolders {
  const { scratchDirectory } = plan.allocation ?? {};
  const isShared = (path: string): boolean => scratchDirectory === undefined || !isWithin(scratchDirectory, path);
  const files = plan.files.flatMap(({ path, content }) => [
    { path, content: typeof content === "string" ? content : "" },
  ]);
  const folders = foldersOf({ ...plan, files } as PlainPlan);
  return {
    ...folders,
    scratchRoots: folders.scratchRoots.filter(isShared),
    directories: folders.directories.filter(isShared),
  };
}
