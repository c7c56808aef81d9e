import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bytesIn, createBodyOf, foldersFor } from "../../src/service/engines/docker/containerSpec.ts";
import { checkReference, imageReferenceOf, registryOf } from "../../src/service/engines/docker/imageNames.ts";
import { PullProgress } from "../../src/service/engines/docker/pullProgress.ts";
import { addressesFor } from "../../src/service/engines/docker/sockets.ts";
import { RegistryTroubles } from "../../src/service/engines/docker/registryTroubles.ts";
import { StartError } from "../../src/service/startError.ts";
import type { PlainPlan } from "../../src/service/engines/launchText.ts";

const plan: PlainPlan = {
  runId: "run",
  runDirectory: "/data/runs/run",
  nodes: [
    {
      nodeId: "a",
      gpus: [{ index: 3, uuid: "GPU-3" }],
      tempDirectory: "/roots/nodes/a/run",
      executionLog: "/roots/c/share/log",
    },
    {
      nodeId: "b",
      gpus: [{ index: 1, uuid: "GPU-1" }],
      tempDirectory: "/roots/nodes/b/run",
      executionLog: "/roots/c/share/log",
    },
  ],
  scratchRoots: ["/roots/c", "/roots/j"],
  directories: ["/roots/c", "/roots/j/shared", "/roots/c/share/out"],
  files: [],
  mounts: [
    { source: "/data/files/share", target: "/roots/c/share" },
    { source: "/roots/mounted/nfs", target: "/roots/c/nfs", isMount: true },
  ],
  environment: {},
  preparation: [],
  processes: [],
  container: { image: "image", shmSize: "1.5gb" },
};
const security = { isRootless: false, mapsUsers: false, hasSELinux: false };
const bodyFor = (
  isPodman: boolean,
  more: Partial<PlainPlan> = {},
): { HostConfig: Record<string, unknown>; Cmd: string[]; Env: string[] } => {
  const spec = { plan: { ...plan, ...more }, image: "image:1", serviceId: "service", security, owner: "7:8" };
  return createBodyOf({ ...spec, facts: { isPodman } }) as ReturnType<typeof bodyFor>;
};

describe("the description of a container", () => {
  it("has the folders of the run, each once", () => {
    const folders = [
      "/data/runs/run",
      "/roots/c",
      "/roots/j",
      "/roots/nodes/a",
      "/roots/nodes/b",
      "/data/files/share",
      "/roots/mounted/nfs",
    ];
    expect(foldersFor(plan)).toEqual(folders);
    const mounts = folders.map((path) => ({ Type: "bind", Source: path, Target: path }));
    expect(bodyFor(false).HostConfig.Mounts).toEqual(mounts);
    // Real mounts have owners of their own.
    expect(bodyFor(false).Cmd.slice(3)).toEqual(["", "7:8", ...folders.slice(0, -1)]);
  });

  it("has the GPUs of all nodes by their UUIDs, in the order of the machine", () => {
    const [docker] = bodyFor(false).HostConfig.DeviceRequests as unknown[];
    expect(docker).toEqual({ Driver: "", DeviceIDs: ["GPU-1", "GPU-3"], Capabilities: [["gpu"]] });
    const [podman] = bodyFor(true).HostConfig.DeviceRequests as unknown[];
    expect(podman).toEqual({ Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=GPU-3"] });
    const nodes = plan.nodes.map((node) => ({ ...node, gpus: [] }));
    expect(bodyFor(false, { nodes }).HostConfig).not.toHaveProperty("DeviceRequests");
  });

  it("has no GPUs but those of the run, also if the image asks for all of the machine", () => {
    const nodes = plan.nodes.map((node) => ({ ...node, gpus: [] }));
    const amd = plan.nodes.map((node) => ({ ...node, gpus: [{ index: 0, uuid: "AMD-1", vendor: "amd" as const }] }));
    expect(bodyFor(false).Env).toContain("NVIDIA_VISIBLE_DEVICES=GPU-1,GPU-3");
    expect(bodyFor(true).Env).toContain("NVIDIA_VISIBLE_DEVICES=void");
    for (const none of [nodes, amd])
      expect(bodyFor(false, { nodes: none }).Env).toContain("NVIDIA_VISIBLE_DEVICES=void");
  });

  it("has the limits of the run, and a network and processes of its own choice", () => {
    const { HostConfig } = bodyFor(true, { limits: { cores: 2.5, memoryInBytes: 1024 } });
    expect(HostConfig).toMatchObject({
      NanoCpus: 2.5e9,
      Memory: 1024,
      MemorySwap: 1024,
      ShmSize: 1.5 * 1024 ** 3,
      NetworkMode: "host",
      PidMode: "private",
      RestartPolicy: { Name: "no" },
    });
    expect(bodyFor(false).HostConfig).not.toHaveProperty("Memory");
  });
});

it.each([
  ["64", 64],
  ["64b", 64],
  ["2k", 2048],
  ["16gb", 16 * 1024 ** 3],
  ["1 GiB", 1024 ** 3],
  ["0.5M", 512 * 1024],
  ["0", undefined],
  ["-1g", undefined],
  ["many", undefined],
  ["9999999p", undefined],
])("reads the size %s", (size, bytes) => {
  expect(bytesIn(size)).toBe(bytes);
});

function thrownBy(step: () => unknown): unknown {
  try {
    step();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("the name of an image", () => {
  it.each([
    ["ubuntu", undefined, "ubuntu:latest", "https://index.docker.io/v1/"],
    ["ubuntu:18.04", "https://index.docker.io/v1/", "ubuntu:18.04", "https://index.docker.io/v1/"],
    ["team/image", "https://registry.test/", "registry.test/team/image:latest", "registry.test"],
    ["registry.test/team/image:1", "registry.test", "registry.test/team/image:1", "registry.test"],
    ["localhost/image", undefined, "localhost/image:latest", "localhost"],
    ["host:5000/image", undefined, "host:5000/image:latest", "host:5000"],
    ["team/image", "HTTPS://Registry.Test:5000/v2/", "Registry.Test:5000/team/image:latest", "Registry.Test:5000"],
    ["team/image", "http://[::1]:5000", "[::1]:5000/team/image:latest", "[::1]:5000"],
    ["[::1]:5000/image", "", "[::1]:5000/image:latest", "[::1]:5000"],
    ["image", "Docker.IO", "image:latest", "https://index.docker.io/v1/"],
    ["image@sha256:0123", "host:5000", "host:5000/image@sha256:0123", "host:5000"],
  ])("%s of %s is %s", (image, serverUrl, reference, registry) => {
    expect(imageReferenceOf({ image, ...(serverUrl === undefined ? {} : { serverUrl }) })).toBe(reference);
    expect(registryOf({ image, ...(serverUrl === undefined ? {} : { serverUrl }) })).toBe(registry);
    expect(() => {
      checkReference(reference);
    }).not.toThrow();
  });

  it.each([
    ...["https://", "https:///myregistry", " ", "//reg.test", "https:\\\\reg.test", "ftp://reg.test", "a b.test"],
    ...["https://user:s3cret@reg.test", "user:s3cret@reg.test", "reg.test?x", "https://[::1", "http+unix://reg.test"],
    ...["https://myregistry", "-reg.test", "ü.test"],
  ])("is not looked for on Docker Hub if the URL of the server is %s", (serverUrl) => {
    for (const of of [imageReferenceOf, registryOf]) {
      const error = thrownBy(() => of({ image: "team/image", serverUrl }));
      const message = expect.stringMatching(
        /^properties\.containerSettings\.imageSourceRegistry\.serverUrl: must /,
      ) as string;
      expect(error).toMatchObject({ code: "FailedStartingContainer", message });
      expect(JSON.stringify(error)).not.toContain("s3cret");
    }
  });

  it.each([
    "[::1]",
    "a/[::1]/b",
    "[x]:5/a",
    "../../containers/x",
    "a/../b",
    "a?x=1",
    "a//b",
    "a b",
    "a#b",
    "a%2fb",
    ":".repeat(100_000),
  ])("is not %s", (name) => {
    expect(() => {
      checkReference(imageReferenceOf({ image: name }));
    }).toThrow(/is not the name of an image/);
  });
});

describe("the progress of a pull", () => {
  it("is no progress if the engine repeats itself, and fails with the reason of the engine", () => {
    const progress = new PullProgress("image", () => undefined);
    const line = { id: "0123456789ab", status: "Downloading", progressDetail: { current: 1, total: 2 } };
    expect(progress.add(line)).toBe(true);
    expect(progress.add(line)).toBe(false);
    expect(progress.add({ ...line, progressDetail: { current: 2, total: 2 } })).toBe(true);
    expect(progress.isUnpacking).toBe(true); // podman may not say that it is complete.
    expect(() => progress.add({ error: "short", errorDetail: { message: "long" } })).toThrow(/^long$/);
    expect(() => progress.add({ error: "short" })).toThrow(/^short$/);
  });
});

it.each([
  ["Downloading", false],
  ["Download complete", true],
  ["Extracting", true],
  ["Pull complete", false],
  ["Already exists", false],
])("counts a repeated %s of an engine as progress if it may be unpacking", (status, isProgress) => {
  const progress = new PullProgress("image", () => undefined);
  progress.add({ id: "0123456789ab", status });
  expect(progress.add({ id: "0123456789ab", status })).toBe(isProgress);
  expect(progress.isUnpacking).toBe(isProgress);
});

describe("troubles of a registry", () => {
  const minutes = (count: number): number => count * 60_000;
  const trouble = new StartError("FailedStartingContainer", "toomanyrequests");

  it("may pass for ten minutes, and again if the pull is tried only much later", () => {
    const troubles = new RegistryTroubles();
    for (const minute of [0, 5, 9]) expect(troubles.mayPass("a", trouble, minutes(minute))).toBe(true);
    expect(troubles.mayPass("b", trouble, minutes(9))).toBe(true);
    for (const minute of [11, 12]) expect(troubles.mayPass("a", trouble, minutes(minute))).toBe(false);
    expect(troubles.mayPass("a", trouble, minutes(20))).toBe(true);
    expect(troubles.mayPass("b", trouble, minutes(30))).toBe(true);
    expect(troubles.mayPass("c", new StartError("FailedStartingContainer", "manifest unknown"), 0)).toBe(false);
  });
});

describe("the places of container engines", () => {
  it("are those of Docker and podman in the order of docs/containers.md, the one of DOCKER_HOST first", () => {
    const environment = { DOCKER_HOST: "unix:///mine.sock", XDG_RUNTIME_DIR: "/run/user/7", HOME: "/home/me" };
    expect(addressesFor("auto", environment)).toEqual([
      "unix:///mine.sock",
      "unix:///run/user/7/docker.sock",
      "unix:///run/user/7/podman/podman.sock",
      "unix:///home/me/.docker/run/docker.sock",
      "unix:///var/run/docker.sock",
      "unix:///run/podman/podman.sock",
    ]);
    expect(addressesFor("auto", { DOCKER_HOST: "tcp://elsewhere" })).toHaveLength(2);
    expect(addressesFor("none", environment)).toEqual([]);
    expect(addressesFor("unix:///x", environment)).toEqual(["unix:///x"]);
    const page = readFileSync(new URL("../../docs/containers.md", import.meta.url), "utf8");
    const row = page.split("\n").find((line) => line.startsWith("| `auto`")) ?? "";
    const places = [...row.matchAll(/`(\/[^`]+|[$~][^`]+|DOCKER_HOST)`/g)].map(([, place = ""]) => place);
    const paths = places.map((place) => place.replace("$XDG_RUNTIME_DIR", "/run/user/7").replace("~", "/home/me"));
    expect(paths.map((path) => (path === "DOCKER_HOST" ? "unix:///mine.sock" : `unix://${path}`))).toEqual(
      addressesFor("auto", environment),
    );
  });
});
