import { loopbackAddress } from "../../nodes/machine.ts";
import { imageDetails, StartError } from "../../startError.ts";
import type { LaunchPlan, RunNeeds } from "../engine.ts";
import { type PlainPlan, portNumbersIn, withoutSegments } from "../launchText.ts";
import { freePorts } from "./freePorts.ts";

/** Returns why processes of this machine cannot carry out a plan; undefined if they can. */
export function containerObjection({ container }: RunNeeds): StartError | undefined {
  if (container === undefined) return undefined;
  const reason =
    `The job asks for the container image ${container.image}, and this service has no container engine. ` +
    "To run such jobs directly on its machine, start the service with the flag --ignore-container-settings, " +
    "or set the option ignoreContainerSettings.";
  return new StartError("FailedStartingContainer", reason, { details: imageDetails(container) });
}

/** Fills in what this machine decides: the addresses that the nodes have here, and free ports, which the run must release. */
export async function withLocalValues(plan: LaunchPlan): Promise<PlainPlan> {
  const numbers = portNumbersIn(plan);
  const ports = await freePorts(plan.runId, numbers.length);
  return withoutSegments(plan, {
    addresses: plan.nodes.map(({ address }) => address ?? loopbackAddress),
    ports: new Map(numbers.map((number, index) => [number, ports[index] ?? 0])),
  });
}
