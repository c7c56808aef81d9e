import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Sandbox, type SandboxedProgram } from "../containers/sandbox.ts";
import { until } from "../until.ts";
import {
  controllerName,
  drawPorts,
  gresConf,
  slurmAddress,
  slurmConf,
  slurmHosts,
  slurmNodeNames,
} from "./slurmConf.ts";
import type { SlurmNodeName, SlurmPorts } from "./slurmConf.ts";
import { SlurmSite } from "./slurmSite.ts";

const hostScript = fileURLToPath(new URL("./slurmHost.sh", import.meta.url));

/**
 * A real Slurm with four nodes on this machine. The nodes n1 to n4 have a host name, processes, `/run` and `/dev/shm` of
 * their own; all other folders are shared, as on a cluster with a shared file system. When it closes, or this process
 * ends in whatever way, everything in it ends.
 */
export class SlurmBed extends SlurmSite {
  readonly #sandbox: Sandbox;
  readonly #ports: SlurmPorts;
  readonly #nodes = new Map<SlurmNodeName, SandboxedProgram>();
  #controller: SandboxedProgram | undefined;

  private constructor(sandbox: Sandbox, ports: SlurmPorts) {
    super(sandbox.folder);
    this.#sandbox = sandbox;
    this.#ports = ports;
  }

  /** Starts the controller and the nodes. Resolves when all nodes are idle. */
  static async open(): Promise<SlurmBed> {
    const bed = new SlurmBed(await Sandbox.open(), await drawPorts());
    try {
      await bed.#prepare();
      await bed.#startMunge();
      await Promise.all([bed.startController(), ...slurmNodeNames.map((name) => bed.startNode(name))]);
    } catch (error) {
      await bed.close();
      throw error;
    }
    return bed;
  }

  /** Starts the controller, and resolves when it responds. */
  async startController(): Promise<void> {
    if (this.#controller?.isAlive() === true) return;
    this.#controller = this.#start(controllerName, ["slurmctld", "-D"]);
    await until("the controller responds", async () => {
      if (this.#controller?.isAlive() !== true) throw new Error(`slurmctld ended: ${await this.#logOf("slurmctld")}`);
      return this.run("scontrol", "ping").then(
        (text) => text.includes(" is UP"),
        () => false,
      );
    });
  }

  /** Ends the controller without warning. Jobs and nodes continue. */
  async killController(): Promise<void> {
    await this.#controller?.kill();
  }

  /** Stops the controller with SIGSTOP, so that it does not respond. */
  pauseController(): void {
    this.#controller?.signal("SIGSTOP");
  }

  /** Continues the controller. */
  resumeController(): void {
    this.#controller?.signal("SIGCONT");
  }

  /** Starts a node or its daemon, and resolves when jobs can start on it. */
  async startNode(name: SlurmNodeName): Promise<void> {
    if (this.#nodes.get(name)?.isAlive() !== true) {
      this.#nodes.set(name, this.#start(name, ["slurmd", "-D", "-N", name]));
    }
    await this.#tell(name, "start");
    await until(`${name} is up`, () => this.#isUp(name));
  }

  /** Ends the daemon of a node without warning. The jobs on the node continue. */
  async killDaemon(name: SlurmNodeName): Promise<void> {
    await this.#tell(name, "KILL");
  }

  /** Stops the daemon of a node with SIGSTOP, so that it does not respond. Its jobs continue. */
  async pauseDaemon(name: SlurmNodeName): Promise<void> {
    await this.#tell(name, "STOP");
  }

  /** Continues the daemon of a node. */
  async resumeDaemon(name: SlurmNodeName): Promise<void> {
    await this.#tell(name, "CONT");
  }

  /** Ends a node like {@link killNode}, and lets the controller notice it at once. */
  async failNode(name: SlurmNodeName): Promise<void> {
    await this.killNode(name);
    await this.run("scontrol", "update", `NodeName=${name}`, "State=DOWN", "Reason=failed");
  }

  /**
   * Ends everything on a node without warning, as if its power failed. Its own disk is lost. The controller notices it
   * after about 35 seconds. If the node starts before, its jobs seem to run for minutes.
   */
  async killNode(name: SlurmNodeName): Promise<void> {
    await this.#nodes.get(name)?.kill();
  }

  /** Ends everything. Nothing of it is left, whatever the tests did. */
  async close(): Promise<void> {
    await this.#sandbox.close();
  }

  async #prepare(): Promise<void> {
    const { folder } = this;
    // Programs of ordinary users read the configuration and use the socket of munge.
    chmodSync(folder, 0o711);
    await mkdir(join(folder, "state"), { mode: 0o700 });
    await mkdir(join(folder, "munge"), { mode: 0o711 });
    await writeFile(join(folder, "munge", "key"), randomBytes(128), { mode: 0o400 });
    await writeFile(join(folder, "slurm.conf"), slurmConf(folder, this.#ports));
    await writeFile(join(folder, "gres.conf"), gresConf(folder));
    await writeFile(join(folder, "hosts"), slurmHosts);
    spawnSync(
      "mkfifo",
      slurmNodeNames.map((name) => this.#fifoOf(name)),
    );
    for (const gpu of ["gpu0", "gpu1"]) spawnSync("mknod", ["-m", "666", join(folder, gpu), "c", "1", "3"]);
  }

  async #startMunge(): Promise<void> {
    const file = (name: string): string => join(this.folder, "munge", name);
    const options = { "key-file": "key", socket: "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed" };
    const args = Object.entries(options).map(([option, name]) => `--${option}=${file(name)}`);
    this.#sandbox.start(["munged", "--foreground", "--force", ...args], { log: file("output") });
    await until("munged responds", () => existsSync(file("socket")));
  }

  #start(host: string, command: readonly string[]): SandboxedProgram {
    // A node is a tree of processes of its own, which ends as a whole.
    const ownProcesses = host === controllerName ? [] : ["--pid", "--fork", "--kill-child", "--mount-proc"];
    const log = join(this.folder, `${host}.output`);
    return this.#sandbox.start(
      [
        "unshare",
        "--mount",
        "--uts",
        ...ownProcesses,
        "bash",
        hostScript,
        host,
        join(this.folder, "hosts"),
        ...command,
      ],
      { log, environment: this.environment },
    );
  }

  /** Tells the script of a node to start its daemon or to send it a signal, and waits until it has done so. */
  async #tell(name: SlurmNodeName, command: string): Promise<void> {
    const done = join(this.folder, `${name}.did`);
    await rm(done, { force: true });
    await writeFile(this.#fifoOf(name), `${command}\n`);
    await until(`${name} did ${command}`, () => existsSync(done));
  }

  #fifoOf(name: SlurmNodeName): string {
    return join(this.folder, `${name}.fifo`);
  }

  async #isUp(name: SlurmNodeName): Promise<boolean> {
    // The controller does not notice at once that a daemon has gone.
    if (!(await listensAt(this.#ports[name]))) return false;
    const states = await this.run("sinfo", "-h", "-N", "-n", name, "-o", "%T").catch(() => "");
    return /^(?:idle|mixed|allocated|completing)$/m.test(states);
  }

  #logOf(daemon: string): Promise<string> {
    return readFile(join(this.folder, `${daemon}.log`), "utf8").catch(() => "no log");
  }
}

async function listensAt(port: number): Promise<boolean> {
  const socket = connect(port, slurmAddress);
  return once(socket, "connect")
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}
