import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runProgram } from "../../../src/ground/runProgram.ts";
import { checkNode } from "../../../src/service/engines/slurm/nodeCheck.ts";
import type { SlurmStatus } from "../../../src/service/engines/slurm/slurmQueue.ts";
import type { SlurmSubmission } from "../../../src/service/engines/slurm/sbatchOptions.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "batchai-check-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Checks a node whose job does this, and has the state afterwards. */
function check(state: string, job: (submission: SlurmSubmission) => Promise<unknown>) {
  let status: SlurmStatus = { kind: "unknown" };
  const name = "batchai-service-check-1";
  return checkNode({
    name,
    allocation: { gpusPerNode: 0 },
    folder: join(folder, "check"),
    visibilityInMs: 600,
    abortSignal: new AbortController().signal,
    commands: {
      submit: async (submission) => {
        await job(submission);
        status = {
          kind: "seen",
          lookedAt: performance.now(),
          job: { id: "1", name, state, reason: "None", nodeList: "n7" },
        };
        return "1";
      },
    },
    queue: {
      watch: () => undefined,
      forget: () => undefined,
      lookNow: () => Promise.resolve(),
      statusOf: () => status,
    },
  });
}

/** Runs the script of the job on this machine, as a node with these variables. */
function runHere({ script, args }: SlurmSubmission, environment: Record<string, string>) {
  return runProgram("/bin/bash", [script, ...args], { environment, limitInMs: 20_000 });
}

it("returns the variables of a node to which jobs may refer, and no other ones", async () => {
  const environment = { PATH: "/opt/lab/bin:/usr/bin:/bin", HOME: "/home/a\nb", SECRET_TOKEN: "secret" };
  const result = await check("COMPLETED", (submission) => runHere(submission, environment));
  expect(result).toMatchObject({
    kind: "seen",
    findings: { environment: { PATH: environment.PATH, HOME: "/home/a\nb" } },
  });
  expect(JSON.stringify(result)).not.toContain("SECRET");
  expect(readdirSync(folder)).toEqual([]);
});

it("tells a node that does not see the folder from one that is not seen", async () => {
  const nothing = () => Promise.resolve();
  expect(await check("FAILED", nothing)).toEqual({ kind: "unseenThere", host: "n7" });
  expect(await check("COMPLETED", nothing)).toEqual({ kind: "unseenHere", host: "n7" });
  expect(await check("CANCELLED", nothing)).toEqual({ kind: "lost", state: "CANCELLED" });
  expect(readdirSync(folder)).toEqual([]);
});

it("ends the job of a node that does not see the folder with an error, after a while", async () => {
  const result = await check("FAILED", async (submission) => {
    const [, question = ""] = submission.args;
    const output = await runHere({ ...submission, args: [join(folder, "elsewhere"), question, "1"] }, {});
    expect(output.exitCode).toBe(3);
  });
  expect(result).toEqual({ kind: "unseenThere", host: "n7" });
});
