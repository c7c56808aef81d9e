import { setTimeout as delay } from "node:timers/promises";
import { isMountPoint, mountsBelow, mountsCovering } from "./mountTable.ts";
import { runWithin } from "./runWithin.ts";

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

/** Unmounts what covers a path below a root, the latest first. Rejects if something is still mounted there. */
export async function uncover(root: string, path: string): Promise<void> {
  for (const { target } of mountsCovering(root, path).reverse()) await unmount(target);
  const [left] = mountsCovering(root, path);
  if (left) throw new Error(`${left.target} is mounted over it, and cannot be unmounted`);
}

/** Detaches everything at a path or below it, and makes what waits for it fail. Changes that are pending are lost. */
export async function detachBelow(path: string): Promise<void> {
  for (const { target } of mountsBelow(path).reverse()) await tryInTurn(failingCommands(), target);
}

async function unmount(target: string): Promise<void> {
  const deadline = performance.now() + commandLimitInMs;
  for (let tries = 0; tries < politeTries && performance.now() < deadline; tries++) {
    if (await tryInTurn(politeCommands(), target)) return;
    await delay(pauseInMs);
  }
  await tryInTurn(forcefulCommands(), target);
}

/** Runs commands until one of them has unmounted the target. Returns whether one has. */
async function tryInTurn(commands: readonly string[][], target: string): Promise<boolean> {
  for (const [program = "", ...options] of commands) {
    await runWithin(program, [...options, target], commandLimitInMs);
    if (!isMountPoint(target)) return true;
  }
  return false;
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

/** Only root may make the requests of others fail. */
function failingCommands(): string[][] {
  const failing = process.getuid?.() === 0 ? [["umount", "-f", "-l", "-c"]] : [];
  return [...failing, ...forcefulCommands()];
}
