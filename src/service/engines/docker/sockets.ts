import { join } from "node:path";
import { socketPathOf } from "./daemon.ts";

/** Where the service looks for a container engine: `auto`, `none`, or the address of a socket, `unix:///PATH`. */
export type ContainerEngineChoice = string;

/**
 * Returns the addresses at which a container engine may listen, in the order in which they are tried.
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
    ...(XDG_RUNTIME_DIR === undefined ? [] : [join(XDG_RUNTIME_DIR, "podman/podman.sock")]),
    ...(HOME === undefined ? [] : [join(HOME, ".docker/run/docker.sock")]),
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
  ];
  const named = DOCKER_HOST.startsWith("unix:///") ? [DOCKER_HOST] : [];
  return [...new Set([...named, ...paths.filter((path) => path.startsWith("/")).map((path) => `unix://${path}`)])];
}
