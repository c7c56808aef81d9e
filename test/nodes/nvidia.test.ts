import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/service/logger.ts";
import { GpuInventory } from "../../src/service/nodes/gpuInventory.ts";
import { GpuMemory } from "../../src/service/nodes/gpuMemory.ts";
import type { GpuTool } from "../../src/service/nodes/gpuTool.ts";
import { until } from "../until.ts";
import * as answers from "./gpuAnswers.ts";
import { StandIn } from "./standIn.ts";

const indexesAndUuids = (gpus: GpuInventory) => gpus.statuses().map(({ gpu }) => [gpu.index, gpu.uuid]);
const reasons = (gpus: GpuInventory) => gpus.statuses().map(({ unhealthy }) => unhealthy);
const untilReasons = (gpus: GpuInventory, wanted: readonly (string | undefined)[]) =>
  until(`the GPUs have the reasons ${JSON.stringify(wanted)}`, () => {
    return JSON.stringify(reasons(gpus)) === JSON.stringify(wanted);
  });
const healthy = answers.eightUuids.map(() => undefined);

/** Returns a list with one text for the third of eight GPUs. */
const third = (reason: string) => healthy.map((none, position) => (position === 2 ? reason : none));

function withEightCards(): StandIn {
  const tool = new StandIn();
  tool.answer("query", answers.linesOf());
  return tool;
}

describe("GPUs by nvidia-smi", () => {
  it("are numbered in the order of their PCI bus IDs, whatever order the tool shows", async () => {
    const tool = new StandIn();
    tool.answer("query", answers.linesOf([7, 3, 0, 1, 5, 2, 6, 4]));
    const gpus = await tool.watch();
    expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
    expect(gpus.statuses()[0]).toEqual({
      gpu: {
        index: 0,
        uuid: answers.eightUuids[0],
        name: "NVIDIA GeForce RTX 2080 Ti",
        memoryInBytes: 11019 * 2 ** 20,
      },
      outsideProcesses: [],
    });
  });

  it("stay the same objects while nothing changes", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    let changes = 0;
    gpus.onChange(() => (changes += 1));
    const before = gpus.statuses();
    const calls = tool.calls().length;
    await until("the tool has been asked again", () => tool.calls().length >= calls + 6);
    expect(gpus.statuses()).toBe(before);
    tool.answer("query", answers.linesOf([0, 1]));
    await until("a change is reported", () => changes > 0);
    expect(gpus.statuses()[0]).toBe(before[0]);
    expect(gpus.statuses()[2]?.unhealthy).toBe("nvidia-smi no longer lists it.");
  });

  it("are looked for in the background, and soon if the service asks for it", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch({ intervalInMs: 3_600_000 });
    const calls = tool.calls().length;
    gpus.lookSoon();
    gpus.lookSoon();
    await until("the tool has been asked again", () => tool.calls().length >= calls + 2);
  });

  it("have no memory and no parts if the tool does not tell them", async () => {
    const tool = new StandIn();
    tool.answer("query", answers.unifiedMemory);
    const gpus = await tool.watch();
    const uuid = "GPU-2dee1e25-b3b5-007e-2b55-79f2d0f2ebe5";
    expect(gpus.statuses()).toEqual([{ gpu: { index: 0, uuid, name: "NVIDIA GB10" }, outsideProcesses: [] }]);
    tool.answer("query", answers.noPermission);
    await until("the other GPU is found", () => gpus.statuses().some(({ gpu }) => gpu.name.includes("A100")));
    const other = gpus.statuses().find(({ gpu }) => gpu.name.includes("A100"));
    expect(other?.gpu.memoryInBytes).toBeUndefined();
    expect(other?.unhealthy).toBeUndefined();
  });

  it("are found by drivers that do not know MIG", async () => {
    const tool = new StandIn();
    const old = `echo '${answers.linesOf(undefined, "")}'; exit 0`;
    tool.behave("query", `case "$*" in *mig.mode*) echo '${answers.unknownField}'; exit 2 ;; *) ${old} ;; esac`);
    const gpus = await tool.watch();
    expect(gpus.statuses().map(({ gpu }) => gpu.uuid)).toEqual(answers.eightUuids);
    await until(
      "it was asked a third time",
      () => tool.calls().filter((call) => call.includes("query-gpu")).length > 2,
    );
    expect(tool.calls().filter((call) => call.includes("mig.mode"))).toHaveLength(1);
  });

  it("are replaced by their parts if MIG is on", async () => {
    const tool = new StandIn();
    tool.answer("query", answers.migQuery);
    tool.answer("parts", answers.migList);
    const gpus = await tool.watch();
    const uuids = [...answers.migList.matchAll(/MIG-[\w-]+/g)].map(([uuid]) => uuid);
    expect(indexesAndUuids(gpus)).toEqual([
      ...uuids.map((uuid) => [0, uuid]),
      [1, "GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95"],
    ]);
    expect(gpus.statuses()[0]?.gpu).toMatchObject({ isPart: true, name: "NVIDIA A100-SXM4-80GB MIG 1g.20gb" });
    expect(gpus.statuses()[4]?.gpu.isPart).toBeUndefined();

    tool.answer("parts", "");
    await until("the GPU has no parts", () => gpus.statuses().length === 2);
    expect(reasons(gpus)).toEqual(["MIG is on, but it has no MIG devices.", undefined]);
  });

  it("can be none", async () => {
    const tool = new StandIn();
    tool.answer("query", answers.noDevices, 6);
    expect((await tool.watch()).statuses()).toEqual([]);
  });
});

describe("a GPU that fails", () => {
  it.each([answers.lostCard, answers.lostCardOfNewDriver, answers.lostCard.replace(". Reboot", ".\n Reboot")])(
    "is unhealthy with the message of the tool, and healthy when it is back: %s",
    async (message) => {
      const tool = withEightCards();
      const gpus = await tool.watch();
      tool.answer("query", `${answers.linesOf([0, 1])}\n${message}\n${answers.linesOf([3, 4, 5, 6, 7])}`, 255);
      await untilReasons(gpus, third(`nvidia-smi says: ${message.replaceAll(/\s+/g, " ")}.`));
      expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
      tool.answer("query", answers.linesOf());
      await untilReasons(gpus, healthy);
      expect(tool.log).toContain("a GPU is healthy again");
    },
  );

  it("does not hide the others if the tool ends at it", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    const others = `echo '${answers.linesOf([0, 1, 3, 4, 5, 6, 7])}'`;
    const exceptLost = (answer: string) =>
      `case "$*" in --id=*) ${answer} ;; *) echo '${answers.lostCard}'; exit 15 ;; esac`;
    tool.behave("query", exceptLost(others));
    tool.behave("processes", exceptLost(`echo ${answers.eightUuids[0] ?? ""}, ${String(process.pid)}, 10`));
    await untilReasons(gpus, third(`nvidia-smi says: ${answers.lostCard}.`));
    expect(gpus.statuses()[0]?.outsideProcesses).toHaveLength(1);
    const selection = tool.calls().find((call) => call.startsWith("--id="));
    expect(selection?.split(" ")[0]).toBe(
      `--id=${answers.eightUuids.filter((_, position) => position !== 2).join(",")}`,
    );
  });

  it("is shown with its UUID if it failed before the service started", async () => {
    const tool = new StandIn();
    tool.install(answers.eightCards);
    tool.answer("query", `${answers.linesOf([0, 1])}\n${answers.lostCard}\n${answers.linesOf([3, 4, 5, 6, 7])}`, 255);
    const gpus = await tool.watch();
    expect(reasons(gpus)).toEqual(third(`nvidia-smi says: ${answers.lostCard}.`));
    expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
  });

  it("is unhealthy if words stand for its values", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    tool.answer("query", answers.linesOf().replace(/^2, (.*), 11019/m, "2, $1, [GPU requires reset]"));
    await untilReasons(gpus, third("nvidia-smi shows [GPU requires reset] for it."));
    tool.answer("query", answers.linesOf().replace(/^2, GPU-[^,]*/m, "2, [Unknown Error]"));
    await untilReasons(gpus, third("nvidia-smi shows [Unknown Error] for it."));
  });

  it("stays in the list if it vanishes. The others are numbered as the driver numbers them", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    tool.answer("query", answers.renumberedLinesOf([0, 1, 3, 4, 5, 6, 7]));
    await until("it has vanished", () => reasons(gpus).includes("nvidia-smi no longer lists it."));
    const [, , moved] = gpus.statuses().filter(({ unhealthy }) => unhealthy === undefined);
    expect(moved?.gpu).toMatchObject({ index: 2, uuid: answers.eightUuids[3] });
    tool.answer("query", answers.linesOf());
    await untilReasons(gpus, healthy);
    expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
  });

  const withoutThird = answers.linesOf([0, 1, 3, 4, 5, 6, 7]);
  const withThird = (from: RegExp, to: string) => answers.linesOf().replace(from, to);
  const incomplete = "nvidia-smi ended with exit code 15, so its list of GPUs may be incomplete.";
  it.each([
    [
      "[N/A] for the UUID",
      withThird(/^2, GPU-[^,]*/m, "2, [N/A]"),
      0,
      "nvidia-smi shows [N/A] instead of its UUID for it.",
    ],
    [
      "an error for the UUID",
      withThird(/^2, GPU-[^,]*/m, "2, Unknown Error"),
      0,
      "nvidia-smi shows Unknown Error for it.",
    ],
    [
      "errors for all",
      withThird(/^2, .*/m, "2, ERR!, ERR!, ERR!"),
      0,
      "nvidia-smi shows ERR! instead of its UUID for it.",
    ],
    ["half a line", withThird(/^(2, .{20}).*/m, "$1"), 0, "nvidia-smi shows only the beginning of its line for it."],
    ["no line", withoutThird, 0, "nvidia-smi no longer lists it."],
    ["no line, and exit code 15", withoutThird, 15, incomplete],
    ["another UUID, and exit code 15", withThird(/^2, GPU-6/m, "2, GPU-7"), 15, incomplete],
  ])("does not change the indexes of the others if the tool shows %s", async (_, text, exitCode, reason) => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    tool.answer("query", text, exitCode);
    await untilReasons(gpus, third(reason));
    expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
    tool.answer("query", answers.linesOf());
    await untilReasons(gpus, healthy);
  });

  it("does not change the indexes of the others if the tool hangs or repeats itself", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch({ limitInMs: 2000 });
    tool.behave("query", `echo '${answers.linesOf([6])}'; exec sleep 600`);
    const all = (reason: string) => healthy.map(() => reason);
    await untilReasons(gpus, all("nvidia-smi did not end in time and was killed."));
    tool.answer("query", `${answers.linesOf()}\n${answers.linesOf([6]).replace(/^6/, "8")}`);
    await untilReasons(gpus, all("nvidia-smi lists a GPU twice."));
    expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
  });

  it("of all GPUs is the failure of each: a broken driver", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    const expected = async (reason: string) => {
      await untilReasons(
        gpus,
        healthy.map(() => reason),
      );
    };
    tool.answer("query", answers.mismatch, 18);
    await expected(`nvidia-smi ended with exit code 18 and printed: ${answers.mismatch.replace("\n", " ")}.`);
    tool.answer("query", answers.noDriver, 9);
    await expected(`nvidia-smi ended with exit code 9 and printed: ${answers.noDriver}`);
    tool.answer("query", "");
    await expected("nvidia-smi ended with exit code 0 and printed nothing.");
    tool.answer("query", `\u001b[31mSegmentation fault\u0007 ${"x".repeat(1000)}`, 139);
    await expected(`nvidia-smi ended with exit code 139 and printed: [31mSegmentation fault ${"x".repeat(177)}....`);
    tool.behave("query", "kill -SEGV $$");
    await expected("nvidia-smi was killed and printed nothing.");
    tool.answer("query", answers.noDevices, 6);
    await expected("nvidia-smi no longer lists it.");
    tool.answer("query", answers.linesOf());
    await untilReasons(gpus, healthy);
    tool.answer("processes", "Unknown Error", 255);
    await expected("nvidia-smi ended with exit code 255 and printed: Unknown Error.");
  });

  it("is logged once although the tool words it differently each time", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    const calls = tool.calls().length;
    tool.behave("query", 'echo "error at $(date +%N)"; exit 9');
    await until("the tool has failed often", () => tool.calls().length > calls + 10);
    expect(reasons(gpus)[0]).toMatch(/error at \d+\.$/);
    expect(tool.log.filter((text) => text.startsWith("a GPU is unhealthy"))).toHaveLength(8);
    expect(tool.log.filter((text) => text.startsWith("failed to look at the GPUs"))).toHaveLength(1);
    tool.answer("query", answers.linesOf());
    await untilReasons(gpus, healthy);
    expect(tool.log.filter((text) => text === "a GPU is healthy again")).toHaveLength(8);
  });

  it("may print without end", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch();
    tool.behave("query", "exec yes");
    await until("the GPUs are unhealthy", () => reasons(gpus).every((reason) => reason !== undefined));
    expect(reasons(gpus)[0]).toMatch(/^nvidia-smi was killed and printed: (y )+/);
  });
});

describe("a tool that hangs", () => {
  const hang = "until [ -e go ]; do sleep 0.02; done";

  it("makes the GPUs unhealthy, is not started a second time, and is forgiven when it responds", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch({ patienceInMs: 1000 });
    tool.behave("query", `${hang}; echo '${answers.linesOf()}'`);
    await until("the GPUs are unhealthy", () => {
      return reasons(gpus).every((reason) => /^nvidia-smi has not responded for \d+ seconds\.$/.test(reason ?? ""));
    });
    const calls = tool.calls().length;
    gpus.lookSoon();
    tool.behave("processes", "touch answered");
    writeFileSync(join(tool.folder, "go"), "");
    await untilReasons(gpus, healthy);
    expect(tool.calls()[calls]).toContain("--query-compute-apps");
  });

  it("does not keep the service from starting. Its GPUs are shown as soon as it responds", async () => {
    const tool = new StandIn();
    tool.behave("query", `${hang}; echo '${answers.linesOf()}'`);
    const gpus = await tool.watch({ patienceInMs: 100, choice: [1, 9] });
    // Their owner says that they exist.
    expect(gpus.statuses().map(({ gpu }) => gpu.index)).toEqual([1, 9]);
    expect(reasons(gpus)).toEqual(Array<string>(2).fill("nvidia-smi has not responded for 0.1 seconds."));
    expect(gpus.hiddenMakers()).toEqual(["nvidia"]);
    expect(tool.log.join("\n")).toMatch(/failed to find the GPUs of this machine; still trying: nvidia-smi has not/);
    writeFileSync(join(tool.folder, "go"), "");
    await until("the chosen GPU is shown", () => gpus.statuses().length === 1);
    expect(indexesAndUuids(gpus)).toEqual([[1, answers.eightUuids[1]]]);
    expect(tool.log.join("\n")).toContain(
      "failed to limit the GPUs: GPU 9 does not exist. This machine has the GPUs 0, 1, 2",
    );
  });

  it("hides no GPU that the driver names: they are unhealthy from the start", async () => {
    const tool = new StandIn();
    tool.install([...answers.eightCards, ["GPU-????????-????-????-????-????????????", "00000000:DC:00.0"]]);
    tool.behave("query", `${hang}; echo '${answers.linesOf([0, 1])}'`);
    const gpus = await tool.watch({ patienceInMs: 100, choice: [0, 1, 7] });
    await untilReasons(gpus, Array<string>(3).fill("nvidia-smi has not responded for 0.1 seconds."));
    expect(gpus.statuses().map(({ gpu }) => [gpu.index, gpu.uuid])).toEqual(
      [0, 1, 7].map((index) => [index, answers.eightUuids[index]]),
    );
    writeFileSync(join(tool.folder, "go"), "");
    // In a container, the tool shows only the GPUs of the container, and the driver all.
    await untilReasons(gpus, [undefined, undefined]);
  });

  it("is killed after its time, also if a child of it still holds its pipes", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch({ limitInMs: 2000 });
    await untilReasons(gpus, healthy);
    // In a session of its own, the child is not killed with the tool.
    tool.behave("query", `setsid sleep 600 & echo $! >> children; wait`);
    await untilReasons(
      gpus,
      healthy.map(() => "nvidia-smi did not end in time and was killed."),
    );
    tool.answer("query", answers.linesOf());
    await untilReasons(gpus, healthy);
    const children = readFileSync(join(tool.folder, "children"), "utf8").trimEnd().split("\n");
    for (const child of children) process.kill(Number(child));
  });

  it("is none if it has ended, also if a child of it still holds its pipes", async () => {
    const tool = new StandIn();
    tool.behave("query", `echo '${answers.linesOf()}'; sleep 600 & echo $! > child`);
    const gpus = await tool.watch({ intervalInMs: 3_600_000, patienceInMs: 20_000 });
    process.kill(Number(readFileSync(join(tool.folder, "child"), "utf8")));
    expect(indexesAndUuids(gpus)).toEqual(answers.eightUuids.map((uuid, index) => [index, uuid]));
    expect(reasons(gpus)).toEqual(healthy);
  });

  it("that not even SIGKILL ends is left alone: no other look starts, and closing does not wait for it", async () => {
    let looks = 0;
    const card = { place: "0", gpu: { uuid: "GPU-1", name: "GPU" } };
    const tool: GpuTool = {
      name: "nvidia-smi",
      maker: "nvidia",
      installed: () => Promise.resolve([]),
      look: () => {
        looks += 1;
        const first = { cards: [card], uses: [], lost: new Map<string, string>() };
        return looks === 1 ? Promise.resolve(first) : new Promise(() => undefined);
      },
      kill: () => undefined,
    };
    const common = {
      choice: "all",
      intervalInMs: 10,
      patienceInMs: 50,
      runMarker: "M",
      isOwnRun: () => false,
    } as const;
    const memory = new GpuMemory(new Map(), silentLogger);
    const gpus = new GpuInventory({ ...common, tool, memory, logger: silentLogger });
    await gpus.start();
    await untilReasons(gpus, ["nvidia-smi has not responded for 0.05 seconds."]);
    gpus.lookSoon();
    expect(looks).toBe(2);
    gpus.close();
  });
});

describe("the GPUs that the service may give out", () => {
  it("can be limited. The others keep their indexes", async () => {
    const tool = withEightCards();
    const gpus = await tool.watch({ choice: [6, 1] });
    expect(indexesAndUuids(gpus)).toEqual([1, 6].map((index) => [index, answers.eightUuids[index]]));
    tool.answer("query", answers.linesOf([0, 2, 3, 4, 5, 6, 7]));
    await untilReasons(gpus, ["nvidia-smi no longer lists it.", undefined]);
    expect(gpus.statuses().map(({ gpu }) => gpu.uuid)).toEqual([answers.eightUuids[1], answers.eightUuids[6]]);
  });

  it("must exist", async () => {
    await expect(withEightCards().watch({ choice: [0, 8, 11] })).rejects.toThrow(
      "The GPUs 8, 11 do not exist. This machine has the GPUs 0, 1, 2, 3, 4, 5, 6, 7. Choose among them with --gpus (gpus).",
    );
    const tool = new StandIn();
    tool.answer("query", answers.noDevices, 6);
    await expect(tool.watch({ choice: [0] })).rejects.toThrow(
      "GPU 0 does not exist. No GPU was found on this machine.",
    );
  });
});
