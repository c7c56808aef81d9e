import type { Daemon } from "./daemon.ts";
import { isHalfRemoved, isNotFound } from "./daemonErrors.ts";
import { fits, listOf, shapeOf } from "./shapes.ts";

/** Labels by which the containers of a service and their runs are found again. */
export const serviceLabel = "batchai.service";
export const runLabel = "batchai.run";

/** Name of the container of a run. */
export function containerNameOf(runId: string): string {
  return `batchai-${runId}`;
}

/** Label of the run of a container that only hands over the output of a run. */
export function outputLabelOf(runId: string): string {
  return `${runId}-output`;
}

/** Returns the run to which the label of a container belongs. */
export function runIdIn(label: string): string {
  return label.replace(/-output$/, "");
}

/** What the list of containers says about one. */
export interface ListedContainer {
  readonly Id: string;
  readonly State: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Labels: Readonly<Record<string, string>>;
}

/** The same in the list of podman itself. */
type LibpodContainer = Omit<ListedContainer, "Created"> & {
  /** A time. */
  readonly Created: string;
};

/** What an inspection says about a container. */
export interface InspectedContainer {
  readonly Id: string;
  readonly State: {
    readonly Status: string;
    readonly Running?: boolean;
    readonly Paused?: boolean;
    readonly OOMKilled?: boolean;
    readonly ExitCode?: number;
    readonly Error?: string;
    /** A time; the year 1 if it has never started. */
    readonly StartedAt: string;
  };
  readonly Config: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly HostConfig: {
    readonly Memory?: number;
    readonly DeviceRequests?: readonly { readonly DeviceIDs?: readonly string[] | null }[] | null;
    readonly Devices?: readonly { readonly PathOnHost?: string }[] | null;
  };
}

const listShape = listOf<ListedContainer>("a list of containers", fits.listed);
const libpodShape = listOf<LibpodContainer>("a list of containers", fits.listed);
const containerShape = shapeOf<InspectedContainer>("a container", fits.inspected);

/** Whether a container that is in this state has ended. */
export function hasEnded(state: string): boolean {
  return ["exited", "dead", "stopped"].includes(state.toLowerCase());
}

/** Whether a container that is in this state has been created, and not started yet. */
export function isCreated(state: string): boolean {
  return ["created", "configured", "initialized"].includes(state.toLowerCase());
}

/** Whether a container that is in this state has a process. One that is being removed has none. */
export function isRunning(state: string): boolean {
  return !hasEnded(state) && !isCreated(state) && state.toLowerCase() !== "removing";
}

/** Whether a container was started at any time. */
export function wasStarted({ State }: InspectedContainer): boolean {
  return !isCreated(State.Status) && !State.StartedAt.startsWith("0001-");
}

/** Returns all containers with the value of a label, also those that have ended. */
export async function listContainers(
  daemon: Daemon,
  [label, value]: readonly [label: string, value: string],
  abortSignal?: AbortSignal,
): Promise<ListedContainer[]> {
  const filters = JSON.stringify({ label: [`${label}=${value}`] });
  const request = { query: { all: "1", filters }, abortSignal };
  try {
    return await daemon.call("GET", "/containers/json", { ...request, shape: listShape });
  } catch (error) {
    if (!isHalfRemoved(error)) throw error;
  }
  // The list that podman has beside that of Docker does not read the files of the containers.
  const listed = await daemon.call("GET", "/libpod/containers/json", { ...request, shape: libpodShape });
  return listed.map(({ Created, ...rest }) => ({ ...rest, Created: Date.parse(Created) / 1000 }));
}

/** Returns a container by its ID or name; undefined if it does not exist, or podman was killed while it removed it. */
export async function inspectContainer(
  daemon: Daemon,
  name: string,
  abortSignal?: AbortSignal,
): Promise<InspectedContainer | undefined> {
  const request = { abortSignal, shape: containerShape };
  return daemon.call("GET", `/containers/${name}/json`, request).catch((error: unknown) => {
    if (isNotFound(error) || isHalfRemoved(error)) return undefined;
    throw error;
  });
}

/** Removes a container by force, with its volumes without a name. Succeeds if it does not exist. */
export async function removeContainer(daemon: Daemon, name: string, abortSignal?: AbortSignal): Promise<void> {
  await daemon
    .call("DELETE", `/containers/${name}`, { query: { force: "1", v: "1", timeout: "0" }, abortSignal })
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}
