import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The command that starts Chromium on this machine; `undefined` when there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of names) {
    const found = await promisify(execFile)(name, ["--version"]).catch(() => undefined);
    if (found !== undefined) return name;
  }
  return undefined;
}

/** Shows a page in a Chromium without a window, for as long as something takes. */
export async function withChromium<T>(command: string, url: string, work: () => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-chromium-"));
  const browser = spawn(
    command,
    [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad"],
      ...[`--user-data-dir=${join(folder, "profile")}`, url],
    ],
    // A group of its own: its many processes end together. When they are killed, their temporary files stay.
    { stdio: "ignore", detached: true, env: { ...process.env, TMPDIR: folder } },
  );
  const exit = once(browser, "exit");
  try {
    return await work();
  } finally {
    if (browser.pid !== undefined) process.kill(-browser.pid, "SIGKILL");
    await exit;
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
