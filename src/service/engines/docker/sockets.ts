import { join } from "node:path";
import { socketPathOf } from "./daemon.ts";

/** Where the service looks for a container engine: `auto`, `none`, or the address of a socket, `unix:///PATH`. */
export type ContainerEngineChoice = string;

/**
 * Returns the addresses at which a container engine may listen, in the order in which they are preferred: what the user
 * has named, the engines of the user, and those of root; Docker before podman.
 * @throws TypeError if the choice is none of those that {@link ContainerEngineChoice} has.
 */
export function addressesFor(choice: ContainerEngineChoice, environment: NodeJS.ProcessEnv = process.env): string[] {
  if (choice === "none") return [];
  if (choice !== "auto") {
    if (!choice.startsWith("unix:///")) {
      throw new TypeError(`containerEngine must be auto, none or unix:///PATH, got ${JSON.stringify(choice)}.`);
    }
    return [`unix://${socketPathOf(choice)}`];
  }
  const { DOCKER_HOST = "", XDG_RUNTIME_DIR, HOME } = environment;
  const paths = [
    ...(XDG_RUNTIME_DIR === undefined
      ? []
      : [join(XDG_RUNTIME_DIR, "docker.sock"), join(XDG_RUNTIME_DIR, "podman/podman.sock")]),
    ...(HOME === undefined ? [] : [join(HOME, ".docker/run/docker.sock")]),
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
  ];
  const named = isSocket(DOCKER_HOST) ? [DOCKER_HOST] : [];
  return [...new Set([...named, ...paths.filter((path) => path.startsWith("/")).map((path) => `unix://${path}`)])];
}

/** Returns a sentence about `DOCKER_HOST` if the service ignores it; undefined otherwise. Its value may name a user. */
export function ignoredHost({ DOCKER_HOST = "" }: NodeJS.ProcessEnv = process.env): string | undefined {
  if (DOCKER_HOST === "" || isSocket(DOCKER_HOST)) return undefined;
  return "DOCKER_HOST is ignored, because it does not name a socket of this machine: unix:///PATH.";
}

function isSocket(host: string): boolean {
  return host.startsWith("unix:///");
}
