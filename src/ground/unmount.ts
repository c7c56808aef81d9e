import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { isMountPoint, mountsBelow } from "./mountTable.ts";

const commandLimitInMs = 10_000;
const politeTries = 10;
const pauseInMs = 100;

/**
 * Unmounts everything at a path or below it, the latest first. What is still in use is detached: nobody finds it any
 * more, and the kernel removes it with its last user. Returns the paths that are still mounted.
 */
export async function unmountBelow(path: string): Promise<string[]> {
  for (const { target } of mountsBelow(path).reverse()) await unmount(target);
  return mountsBelow(path).map(({ target }) => target);
}

async function unmount(target: string): Promise<void> {
  for (let tries = 0; tries < politeTries; tries++) {
    for (const command of politeCommands()) {
      await runQuietly(command, target);
      if (!isMountPoint(target)) return;
    }
    await delay(pauseInMs);
  }
  for (const command of forcefulCommands()) {
    await runQuietly(command, target);
    if (!isMountPoint(target)) return;
  }
}

/** Only root may use `umount` for everything; other users own the FUSE mounts that they made. */
function politeCommands(): string[][] {
  if (process.getuid?.() === 0) return [["umount", "-c"]];
  return [["fusermount3", "-u"], ["fusermount", "-u"], ["umount"]];
}

function forcefulCommands(): string[][] {
  if (process.getuid?.() === 0)
    return [
      ["umount", "-l", "-c"],
      ["umount", "-l"],
    ];
  return [
    ["fusermount3", "-u", "-z"],
    ["fusermount", "-u", "-z"],
    ["umount", "-l"],
  ];
}

/** Runs a command on a path. A file system that does not respond must not hold it for long. */
function runQuietly([program = "", ...options]: readonly string[], path: string): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(program, [...options, path], {
      stdio: "ignore",
      timeout: commandLimitInMs,
      killSignal: "SIGKILL",
    });
    child.once("error", () => {
      resolve();
    });
    child.once("exit", () => {
      resolve();
    });
  });
}
