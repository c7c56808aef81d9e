import { chmodSync, existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../until.ts";
import { callDaemon } from "./daemonApi.ts";
import type { Sandbox, SandboxedProgram, StartOptions } from "./sandbox.ts";

/** Container engines that the tests start. */
export type DaemonName = "docker" | "podman";
export const daemonNames: readonly DaemonName[] = ["docker", "podman"];

/** A container engine in a sandbox, with its own data and socket. Containers continue if it is killed. */
export class ContainerDaemon {
  readonly name: DaemonName;
  /** Path of the socket of its API. */
  readonly socket: string;
  readonly #sandbox: Sandbox;
  readonly #command: readonly string[];
  readonly #options: StartOptions;
  #program: SandboxedProgram | undefined;
  #isOpenToAll = false;

  private constructor(name: DaemonName, sandbox: Sandbox, command: readonly string[], options: StartOptions) {
    this.name = name;
    this.socket = socketOf(sandbox, name);
    this.#sandbox = sandbox;
    this.#command = command;
    this.#options = options;
  }

  /** Starts the engine. Resolves when its API responds. */
  static async open(
    name: DaemonName,
    sandbox: Sandbox,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ContainerDaemon> {
    const folder = join(sandbox.folder, name);
    await mkdir(folder, { recursive: true });
    const log = join(folder, "log");
    const daemon = new ContainerDaemon(name, sandbox, commands[name](folder), { log, environment });
    await daemon.start();
    return daemon;
  }

  /** Folder of the engine's data. */
  get folder(): string {
    return join(this.#sandbox.folder, this.name);
  }

  /** Value of `containerEngine` and `DOCKER_HOST`. */
  get address(): string {
    return `unix://${this.socket}`;
  }

  async start(): Promise<void> {
    await rm(this.socket, { force: true });
    const program = this.#sandbox.start(this.#command, this.#options);
    this.#program = program;
    const responds = async (): Promise<boolean> => {
      if (!program.isAlive()) throw new Error(`${this.name} ended: ${await readFile(this.#options.log, "utf8")}`);
      if (this.#isOpenToAll && existsSync(this.socket)) this.openToAll();
      // podman starts several programs for `/version`.
      return callDaemon(this.socket, "GET", "/_ping").then(
        ({ status }) => status === 200,
        () => false,
      );
    };
    await until(`${this.name} responds`, responds);
    if (this.#isOpenToAll) this.openToAll();
  }

  /** Ends the engine without warning; its containers continue. */
  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  /** Sends a signal to the engine. */
  signal(name: NodeJS.Signals): void {
    this.#program?.signal(name);
  }

  /** Lets every user of this machine use the engine. Starting it again withdraws that for Docker, so `start` repeats it. */
  openToAll(): void {
    this.#isOpenToAll = true;
    for (const folder of [this.folder, join(this.folder, "..")]) chmodSync(folder, 0o711);
    chmodSync(this.socket, 0o666);
  }
}

function socketOf(sandbox: Sandbox, name: DaemonName): string {
  return join(sandbox.folder, name, "api.sock");
}

const commands: Readonly<Record<DaemonName, (folder: string) => readonly string[]>> = {
  // Without a network of its own: it would change the firewall of the machine.
  docker: (folder) => [
    ...["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false", "--live-restore"],
    ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")],
    ...["--host", `unix://${join(folder, "api.sock")}`],
  ],
  // crun refuses machines with both versions of control groups.
  podman: (folder) => [
    ...["podman", "--root", join(folder, "data"), "--runroot", join(folder, "run")],
    ...["--runtime", "runc", "--cgroup-manager", "cgroupfs"],
    ...["system", "service", "--time", "0", `unix://${join(folder, "api.sock")}`],
  ],
};
