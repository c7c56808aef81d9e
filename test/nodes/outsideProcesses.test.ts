import { type ChildProcess, spawn } from "node:child_process";
import { userInfo } from "node:os";
import { expect, it, onTestFinished } from "vitest";
import { until } from "../until.ts";
import * as answers from "./gpuAnswers.ts";
import { StandIn } from "./standIn.ts";

/** Starts a process that belongs to a run if it has an ID. */
function start(run?: string, command = "exec sleep 600"): ChildProcess {
  const env = { PATH: process.env.PATH, ...(run === undefined ? {} : { BATCHAI_TEST_RUN: run }) };
  const child = spawn("bash", ["-c", command], { env, stdio: ["ignore", "pipe", "inherit"], detached: true });
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended.
    }
  });
  return child;
}

async function firstLineOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (more: string) => (text += more));
  await until("the process prints a line", () => text.includes("\n"));
  return text.trim();
}

const [first = "", second = ""] = answers.eightUuids;

it("shows the processes of others with their users, and no process of a run of the service", async () => {
  const tool = new StandIn();
  tool.answer("query", answers.linesOf([0, 1]));
  const [outside, own, ended] = [start(), start("own"), start("ended")].map((child) => String(child.pid));
  // A process of a run that has removed the marker from its environment.
  const descendant = await firstLineOf(start("own", "env -i bash -c 'echo $$; exec sleep 600' & wait"));
  tool.answer(
    "processes",
    [
      ...[`${first}, ${outside ?? ""}, 1024`, `${first}, ${own ?? ""}, 2048`, `${first}, ${ended ?? ""}, [N/A]`],
      ...[`${first}, ${descendant}, 10`, `${second}, ${own ?? ""}, [Not Supported]`, `${second}, 4194303, 5`],
      ...["[Not Supported], [Not Supported], [Not Supported]", `${second}, [N/A], 10`, "garbage"],
    ].join("\n"),
  );
  const gpus = await tool.watch();
  const user = userInfo().username;
  const [of0, of1] = gpus.statuses().map(({ outsideProcesses }) => outsideProcesses);
  expect(of0).toHaveLength(2);
  expect(of0).toContainEqual({ pid: Number(outside), user, memoryInBytes: 1024 * 2 ** 20 });
  expect(of0).toContainEqual({ pid: Number(ended), user });
  expect(of1).toEqual([]);

  process.kill(Number(outside), "SIGKILL");
  await until("the process is no longer shown", () => gpus.statuses()[0]?.outsideProcesses.length === 1);
});

it("shows a process of a GPU that is divided at each of its parts, because the tool does not name the part", async () => {
  const tool = new StandIn();
  tool.answer("query", answers.migQuery);
  tool.answer("parts", answers.migList);
  tool.answer("processes", `GPU-513536b6-7d19-9063-b049-1e69664bb298, ${String(process.pid)}, 100`);
  const gpus = await tool.watch();
  expect(gpus.statuses().map(({ outsideProcesses }) => outsideProcesses.length)).toEqual([1, 1, 1, 1, 0]);
  tool.answer("processes", `MIG-a45882f0-9215-5733-a0c1-49286ab31cb5, ${String(process.pid)}, 100`);
  await until("only the part is in use", () => gpus.statuses()[0]?.outsideProcesses.length === 0);
  expect(gpus.statuses().map(({ outsideProcesses }) => outsideProcesses.length)).toEqual([0, 1, 0, 0, 0]);
});
