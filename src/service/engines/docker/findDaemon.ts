import { reasonOf } from "../../../ground/systemErrors.ts";
import type { EngineProbe } from "../engine.ts";
import type { Daemon } from "./daemon.ts";
import { DaemonRefusal, DaemonSilence, isShortageOfEngine } from "./daemonErrors.ts";
import type { ContainerEngineChoice } from "./sockets.ts";

/** Result of a search for a container engine. */
export interface FoundDaemon extends EngineProbe {
  /** Address of the one that new runs get; undefined if there is none. */
  readonly address: string | undefined;
  /** Sentences for people about the other ones that were seen. */
  readonly others: readonly string[];
  /** Whether one of them refuses the user of the service. */
  readonly isRefused: boolean;
}

/** One of the places at which the service has looked. */
interface Look {
  readonly daemon: Daemon;
  /** Absent if the engine has responded. */
  readonly error?: unknown;
}

const probeTimeoutInMs = 2000;
const remedy =
  "Install Docker or podman and let the user of the service use its socket, or name the socket with the flag " +
  "--container-engine unix:///PATH or the option containerEngine.";

/**
 * Finds the first container engine that responds. An engine that does not respond although its socket is there counts as
 * usable, because it may be restarting: its jobs wait for it. So does one that somebody has named, even if the user of
 * the service may not use it yet.
 */
export async function findDaemon(daemons: readonly Daemon[], choice: ContainerEngineChoice): Promise<FoundDaemon> {
  if (choice === "none") return unusable("The service was started with the container engine none.");
  const looks = await Promise.all(daemons.map(lookAt));
  const chosen =
    looks.find(({ error }) => error === undefined) ??
    looks.find(({ error }) => choice !== "auto" || isRestarting(error));
  const refusal = looks.map(({ error }) => error).find(isRefusal);
  const isRefused = refusal !== undefined;
  const others = looks.filter((look) => look !== chosen).flatMap(descriptionOf);
  if (chosen) return { usable: true, address: chosen.daemon.address, description: useOf(chosen), others, isRefused };
  if (refusal) return { ...unusable(refusal.message), others, isRefused };
  return unusable(`No container engine was found at ${daemons.map(({ address }) => address).join(", ")}.`);
}

async function lookAt(daemon: Daemon): Promise<Look> {
  try {
    await daemon.ask(probeTimeoutInMs);
    return { daemon };
  } catch (error) {
    return { daemon, error };
  }
}

function useOf({ daemon: { address, facts }, error }: Look): string {
  if (error === undefined) return `Runs jobs in containers of ${facts?.description ?? "an engine"} at ${address}.`;
  return `${isRefusal(error) ? error.message : `The container engine at ${address} does not respond.`} Its jobs wait for it.`;
}

/** Returns what was seen at a place; nothing if nothing was there. */
function descriptionOf({ daemon: { address, facts }, error }: Look): string[] {
  if (error === undefined) return [`${facts?.description ?? "An engine"} is at ${address}.`];
  if (isRefusal(error)) return [error.message];
  return isRestarting(error) ? [`The container engine at ${address} does not respond: ${reasonOf(error)}`] : [];
}

function isRefusal(error: unknown): error is DaemonSilence {
  return error instanceof DaemonSilence && error.causeCode === "EACCES";
}

/** Whether there is a socket, and nobody responds, or only to say so. */
function isRestarting(error: unknown): boolean {
  if (error instanceof DaemonRefusal) return isShortageOfEngine(error);
  return error instanceof DaemonSilence && !["ENOENT", "EACCES", "ENOTSOCK", "ENOTDIR"].includes(error.causeCode ?? "");
}

function unusable(problem: string): FoundDaemon {
  return { usable: false, address: undefined, description: `${problem} ${remedy}`, others: [], isRefused: false };
}
