import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { textOf } from "../engines/workplace.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { ContainerBed } from "./containerBed.ts";
import { containerObstacle } from "./containerObstacle.ts";
import { askDaemon, callDaemon } from "./daemonApi.ts";
import { daemonNames } from "./daemons.ts";
import { imageTar, loadImage } from "./images.ts";
import { registryUser } from "./registry.ts";
import { sharedDaemon, sharedRegistry } from "./sharedBed.ts";

const obstacle = containerObstacle();
const image = "bed/sleeper:1";

/** Starts a container and returns its ID. */
async function runContainer(socket: string, name: string, command: readonly string[]): Promise<string> {
  const spec = { Image: name, Cmd: command, HostConfig: { NetworkMode: "host" } };
  const { Id } = JSON.parse(await askDaemon(socket, "POST", "/containers/create", spec)) as { Id: string };
  await askDaemon(socket, "POST", `/containers/${Id}/start`);
  return Id;
}

function processesWith(text: string): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && textOf(`/proc/${pid}/cmdline`).includes(text));
}

describe.skipIf(obstacle)(titleOf("the test bed for containers", obstacle), () => {
  it.each(daemonNames)("ends %s with its containers, mounts and control groups, killed or not", async (name) => {
    const bed = new ContainerBed();
    const daemon = await bed.daemon(name);
    await loadImage(daemon.socket, image, await imageTar());
    const mark = `98765${process.pid % 1000}`;
    try {
      await runContainer(daemon.socket, image, ["/bin/bash", "-c", `sleep ${mark} & wait`]);
      await until("the container runs", () => processesWith(`sleep\0${mark}`).length > 0);
      await daemon.kill();
      expect(processesWith(`sleep\0${mark}`)).not.toEqual([]);
      await daemon.start();
      const list = await askDaemon(daemon.socket, "GET", "/containers/json");
      expect(JSON.parse(list)).toMatchObject([{ State: "running" }]);
    } finally {
      await bed.close();
    }
    expect(processesWith(daemon.folder)).toEqual([]);
    expect(processesWith(`sleep\0${mark}`)).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(daemon.folder);
    const folder = daemon.folder.split("/").at(-2) ?? "";
    const groups = readdirSync("/sys/fs/cgroup").flatMap((each) => readdirSync(`/sys/fs/cgroup/${each}`));
    expect(groups).not.toContain(folder);
    expect(readdirSync("/var/tmp")).not.toContain(folder);
  });

  it("ends an engine that was stopped", async () => {
    const bed = new ContainerBed();
    const daemon = await bed.daemon("docker");
    daemon.signal("SIGSTOP");
    await until("the engine is stopped", async () => {
      return !(await Promise.race([callDaemon(daemon.socket, "GET", "/_ping").then(() => true), delay(200, false)]));
    });
    daemon.signal("SIGCONT");
    expect(await callDaemon(daemon.socket, "GET", "/_ping")).toMatchObject({ status: 200 });
    daemon.signal("SIGSTOP");
    await bed.close();
    expect(processesWith(daemon.folder)).toEqual([]);
  });

  it.each(daemonNames)("has a registry from which %s pulls with the password only", async (name) => {
    const { socket } = await sharedDaemon(name);
    const registry = await sharedRegistry();
    const full = await registry.push(`bed/pulled-by-${name}:7`, await imageTar());
    const path = `/images/create?fromImage=${encodeURIComponent(full)}`;
    const refused = await callDaemon(socket, "POST", path);
    expect(refused.status >= 400 || refused.body.includes('"error"')).toBe(true);
    const auth = Buffer.from(JSON.stringify({ ...registryUser, serveraddress: registry.host })).toString("base64url");
    const pulled = await callDaemon(socket, "POST", path, undefined, { "x-registry-auth": auth });
    expect(pulled.body).not.toContain('"error"');
    expect((await callDaemon(socket, "GET", `/images/${full}/json`)).status).toBe(200);
    await askDaemon(socket, "DELETE", `/images/${full}`);
  });

  it.each(daemonNames)("makes images without bash in %s", async (name) => {
    const { socket } = await sharedDaemon(name);
    await loadImage(socket, "bed/without-bash:1", await imageTar({ bash: false }));
    const id = await runContainer(socket, "bed/without-bash:1", ["/bin/sh", "-c", "[ ! -e /bin/bash ] || exit 1"]);
    const { StatusCode } = JSON.parse(await askDaemon(socket, "POST", `/containers/${id}/wait`)) as {
      StatusCode: number;
    };
    expect(StatusCode).toBe(0);
    await askDaemon(socket, "DELETE", `/containers/${id}`);
  });
});
