import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processesWith, signal } from "./processes.ts";

const diskInBytes = 1536 * 2 ** 20;
const diskInodes = 600_000;

/** Variable by which all processes of a run of the suite are found. */
export const stageMarker = "CHAOS_STAGE";

/**
 * The place of one run: a folder with everything that it writes, an ordinary user, and a small disk. Without root, the
 * user is the caller and the disk is a plain folder.
 */
export class Stage {
  readonly folder: string;
  /** File system of the data folder and the mount root. */
  readonly disk: string;
  /** Each job appends its lines to this file. */
  lines: string;
  /** A pipe that nothing is written to: jobs wait on it without a process of their own. */
  pipe: string;
  readonly log: string;
  /** User ID of the service. Absent: that of this process. */
  readonly user: number | undefined;
  /** Reasons why parts of the stage are missing. */
  readonly gaps: { user?: string; disk?: string } = {};

  private constructor(folder: string, main: string, user: number | undefined) {
    this.folder = folder;
    this.disk = join(folder, "disk");
    this.lines = join(folder, "lines");
    this.pipe = join(folder, "pipe");
    this.log = join(folder, "service.log");
    this.user = this.#findUser(main, user);
    mkdirSync(this.disk);
    this.#mountDisk();
    for (const path of [this.folder, this.disk]) this.give(path);
    this.#makeJobFiles();
    chmodSync(this.disk, 0o700);
    mkdirSync(this.mountRoot, { mode: 0o755 });
    this.give(this.mountRoot);
  }

  /** @param main - The script of the service, which the ordinary user must be able to read. */
  // `user`: user ID of the service; absent: one without other processes.
  static open(main: string, user?: number): Stage {
    const folder = mkdtempSync(join(tmpdir(), "batchai-chaos-"));
    chmodSync(folder, 0o755);
    return new Stage(folder, main, user);
  }

  /** Lets jobs write to a folder that containers see too: a share. */
  moveJobFiles(folder: string): void {
    this.lines = join(folder, ".chaos-lines");
    this.pipe = join(folder, ".chaos-pipe");
    this.#makeJobFiles();
  }

  get mountRoot(): string {
    return join(this.disk, "mounts");
  }

  /** Gives a file or folder to the user of the service. */
  give(path: string): void {
    if (this.user !== undefined) chownSync(path, this.user, this.user);
  }

  /** Returns a command line that runs a command as the user of the service. */
  asUser(command: readonly string[]): [string, ...string[]] {
    const [program = "", ...rest] = command;
    if (this.user === undefined) return [program, ...rest];
    const id = String(this.user);
    return ["setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--", program, ...rest];
  }

  /** Takes all free space, or all free inodes, from the disk. */
  fillDisk(what: "space" | "inodes"): void {
    // Something may be written between the look and the remount, which the system then rejects.
    for (let spare = 0; spare < 50; spare += 1) {
      const { blocks, bfree, bsize, files, ffree } = statfsSync(this.disk);
      const limits = {
        size: what === "space" ? (blocks - bfree + spare) * bsize : diskInBytes,
        inodes: what === "inodes" ? files - ffree + spare : diskInodes,
      };
      if (this.#remount(limits)) return;
    }
    throw new Error(`Cannot limit the disk ${this.disk}.`);
  }

  freeDisk(): void {
    this.#remount({ size: diskInBytes, inodes: diskInodes });
  }

  /** Returns the processes of jobs, daemons of jobs included. */
  jobProcesses(): ReturnType<typeof processesWith> {
    return processesWith(stageMarker, this.folder);
  }

  /** Ends everything that is left and removes the stage. Keeps the files of a failed run; returns where they are. */
  close(keep: boolean): string | undefined {
    for (const { pid } of [...this.jobProcesses(), ...processesWith("HOME", this.folder)]) signal(pid, "SIGKILL");
    if (keep && this.gaps.disk === undefined) {
      this.freeDisk();
      spawnSync("cp", ["-a", this.disk, join(this.folder, "kept")]);
    }
    if (this.gaps.disk === undefined) spawnSync("umount", ["--lazy", this.disk]);
    if (keep) return this.folder;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    return undefined;
  }

  #makeJobFiles(): void {
    writeFileSync(this.lines, "");
    execFileSync("mkfifo", [this.pipe]);
    for (const path of [this.lines, this.pipe]) this.give(path);
  }

  #findUser(main: string, wanted: number | undefined): number | undefined {
    if (process.getuid?.() !== 0) return undefined;
    // Without processes of other programs: the limit of processes counts all of a user.
    const user = wanted ?? 40_000 + (process.pid % 20_000);
    const id = String(user);
    const trial = ["--reuid", id, "--regid", id, "--clear-groups", "--", process.execPath, main, "--version"];
    const { status, error } = spawnSync("setpriv", trial);
    if (status === 0) return user;
    this.gaps.user = error === undefined ? "an ordinary user cannot run the service here" : "setpriv is not installed";
    return undefined;
  }

  #mountDisk(): void {
    if (process.getuid?.() !== 0) {
      this.gaps.disk = "only root can mount a disk";
      return;
    }
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", optionsOf(), "batchai-chaos", this.disk]);
    if (status !== 0) this.gaps.disk = "this machine does not let root mount a disk";
  }

  #remount(limits: { size: number; inodes: number }): boolean {
    return spawnSync("mount", ["-o", `remount,${optionsOf(limits)}`, this.disk]).status === 0;
  }
}

function optionsOf({ size, inodes } = { size: diskInBytes, inodes: diskInodes }): string {
  return `size=${size},nr_inodes=${inodes}`;
}
