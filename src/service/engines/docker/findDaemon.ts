import { errorCode } from "../../../ground/systemErrors.ts";
import type { EngineProbe } from "../engine.ts";
import type { Daemon } from "./daemon.ts";
import { DaemonSilence } from "./daemonErrors.ts";
import type { ContainerEngineChoice } from "./sockets.ts";

/** Result of a search for a container engine. */
export interface FoundDaemon extends EngineProbe {
  /** Address of the one that new runs get; undefined if there is none. */
  readonly address: string | undefined;
}

const probeTimeoutInMs = 2000;
const remedy =
  "Install Docker or podman and let the user of the service use its socket, or name the socket with the flag " +
  "--container-engine unix:///PATH or the option containerEngine.";

/**
 * Finds the first container engine that responds. An engine that does not respond although its socket is there counts as
 * usable, because it may be restarting: its jobs wait for it. So does one that somebody has named.
 */
export async function findDaemon(daemons: readonly Daemon[], choice: ContainerEngineChoice): Promise<FoundDaemon> {
  if (choice === "none") return unusable("The service was started with the container engine none.");
  const failures: { readonly daemon: Daemon; readonly error: unknown }[] = [];
  for (const daemon of daemons) {
    try {
      const { description } = await daemon.ask(probeTimeoutInMs);
      return { usable: true, address: daemon.address, description: `Runs jobs in containers of ${description}.` };
    } catch (error) {
      failures.push({ daemon, error });
    }
  }
  const silent = failures.find(({ error }) => choice !== "auto" || isRestarting(error));
  const forbidden = failures.find(({ error }) => codeOf(error) === "EACCES");
  if (forbidden && (choice !== "auto" || !silent)) {
    return unusable(`The user of the service may not use the container engine at ${forbidden.daemon.address}.`);
  }
  if (silent) {
    const description = `The container engine at ${silent.daemon.address} does not respond. Its jobs wait for it.`;
    return { usable: true, address: silent.daemon.address, description };
  }
  return unusable(`No container engine was found at ${daemons.map(({ address }) => address).join(", ")}.`);
}

/** Whether there is a socket, and nobody responds. */
function isRestarting(error: unknown): boolean {
  return error instanceof DaemonSilence && !["ENOENT", "EACCES", "ENOTSOCK", "ENOTDIR"].includes(codeOf(error) ?? "");
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? errorCode(error.cause) : undefined;
}

function unusable(problem: string): FoundDaemon {
  return { usable: false, address: undefined, description: `${problem} ${remedy}` };
}
