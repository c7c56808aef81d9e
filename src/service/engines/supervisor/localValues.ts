import { loopbackAddress } from "../../nodes/machine.ts";
import type { LaunchPlan } from "../engine.ts";
import { type PlainPlan, portNumbersIn, withoutSegments } from "../launchText.ts";
import { freePorts } from "./freePorts.ts";

/** Fills in what this machine decides: the addresses that the nodes have here, and free ports, which the run must release. */
export async function withLocalValues(plan: LaunchPlan): Promise<PlainPlan> {
  const numbers = portNumbersIn(plan);
  const ports = await freePorts(plan.runId, numbers.length);
  return withoutSegments(plan, {
    addresses: plan.nodes.map(({ address }) => address ?? loopbackAddress),
    ports: new Map(numbers.map((number, index) => [number, ports[index] ?? 0])),
  });
}
