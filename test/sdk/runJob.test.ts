import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JobFailedError } from "../../src/index.ts";
import type { JobOutput, JobStateChange, BatchAIManagementClient } from "../../src/index.ts";
import { rejectionOf } from "./fixtures.ts";
import { JobsOfService } from "./jobsOfService.ts";
import type { JobNames } from "./jobsOfService.ts";

let service: JobsOfService;
beforeAll(async () => {
  service = await JobsOfService.start();
});
afterAll(() => service.close());

const names = (name: string): JobNames => ["group", "work", "exp", name];
const quick = { updateIntervalInMs: 10 };

/** Output that a run hands on, by file. */
class Collected {
  readonly pieces: JobOutput[] = [];
  readonly onOutput = (output: JobOutput): unknown => this.pieces.push(output);

  of(file: string): string {
    return this.pieces.map((piece) => (piece.file === file ? piece.text : "")).join("");
  }
}

/** A client that records the last segments of the URLs to which it sends requests. */
function recordingClient(): { client: BatchAIManagementClient; requests: string[] } {
  const client = service.clientWith({});
  const requests: string[] = [];
  client.pipeline.addPolicy({
    name: "record",
    sendRequest: (request, next) => {
      requests.push(`${request.method} ${/[^/]+(?=\?)/.exec(request.url)?.[0] ?? ""}`);
      return next(request);
    },
  });
  return { client, requests };
}

describe("jobs.run", () => {
  it("hands on the output and the states of a new job, and returns the ended job", async () => {
    const output = new Collected();
    const events: string[] = [];
    const running = service.client.jobs.run(
      ...names("good"),
      service.parameters("printf 'first\\nsec'; gate a; echo warning >&2; printf 'ond\\n'"),
      {
        ...quick,
        onOutput: ({ file, text }) => {
          output.onOutput({ file, text });
          events.push("output");
        },
        onStateChange: ({ newState }: JobStateChange) => events.push(newState),
      },
    );
    await expect.poll(() => output.of("stdout.txt")).toBe("first\nsec");
    await service.open("a");
    await expect(running).resolves.toMatchObject({ name: "good", executionState: "succeeded" });
    expect(output.of("stdout.txt")).toBe("first\nsecond\n");
    expect(output.of("stderr.txt")).toBe("warning\n");
    expect(new Set(output.pieces.map(({ file }) => file))).toEqual(new Set(["stdout.txt", "stderr.txt"]));
    expect(events.indexOf("running")).toBeLessThan(events.indexOf("output"));
    expect(events.at(-1)).toBe("succeeded");
  });

  it("hands on the files of all processes and of the preparation, and not the execution log", async () => {
    const output = new Collected();
    const parameters = {
      ...service.parameters('cd "$AZ_BATCHAI_STDOUTERR_DIR"; echo one > stdout-wk-1.txt; echo no > other.txt'),
      jobPreparation: { commandLine: "echo prepared" },
    };
    await service.client.jobs.run(...names("several"), parameters, { ...quick, onOutput: output.onOutput });
    expect(output.pieces.map(({ file, text }) => `${file}: ${text}`).sort()).toEqual([
      "stdout-job_prep.txt: prepared\n",
      "stdout-wk-1.txt: one\n",
    ]);
  });

  it("never splits a character", async () => {
    const output = new Collected();
    const running = service.client.jobs.run(
      ...names("apart"),
      service.parameters("printf 'a\\303'; gate b; printf '\\244b'"),
      {
        ...quick,
        onOutput: output.onOutput,
      },
    );
    await expect.poll(() => output.of("stdout.txt")).toBe("a");
    await service.open("b");
    await running;
    expect(output.pieces.map(({ text }) => text)).toEqual(["a", "äb"]);
  });

  it("hands on more than one part", async () => {
    const output = new Collected();
    const parameters = service.parameters("head -c 10000000 /dev/zero | tr '\\0' x");
    await service.client.jobs.run(...names("large"), parameters, { ...quick, onOutput: output.onOutput });
    expect(output.of("stdout.txt")).toHaveLength(10_000_000);
  });

  it("lists nothing unless the caller wants the output", async () => {
    const { client, requests } = recordingClient();
    await client.jobs.run(...names("quiet"), service.parameters("echo text"), quick);
    expect(requests.filter((request) => request.startsWith("POST"))).toEqual([]);
    expect(requests[0]).toBe("PUT quiet");
  });

  it("lists the output once for each look at a job that is not queued", async () => {
    const { client, requests } = recordingClient();
    const onOutput = (): Promise<void> => service.open("c");
    const parameters = service.parameters("echo text; gate c");
    await client.jobs.run(...names("listed"), parameters, { ...quick, onOutput: () => void onOutput() });
    const looks = requests.filter((request) => request === "GET listed").length;
    const lists = requests.filter((request) => request === "POST listOutputFiles").length;
    expect(lists).toBeGreaterThan(0);
    expect(lists).toBeLessThanOrEqual(looks);
  });

  it("follows a job that exists already, and does not run it again", async () => {
    const parameters = service.parameters('echo ran; echo again >> "$AZ_BATCHAI_OUTPUT_OUT/runs"');
    for (let time = 0; time < 2; time += 1) {
      const output = new Collected();
      const ended = await service.client.jobs.run(...names("twice"), parameters, {
        ...quick,
        onOutput: output.onOutput,
      });
      expect(ended.executionState).toBe("succeeded");
      expect(output.of("stdout.txt")).toBe("ran\n");
    }
    const runs = await service.client.jobs.readOutputFile(...names("twice"), "OUT", "runs");
    expect(Buffer.from(runs.content).toString()).toBe("again\n");
  });

  it("rejects if the job fails, or returns the failed job", async () => {
    const output = new Collected();
    const parameters = service.parameters("echo last words; exit 3");
    const { jobs } = service.client;
    const error = await rejectionOf(jobs.run(...names("bad"), parameters, { ...quick, onOutput: output.onOutput }));
    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ exitCode: 3 });
    expect(output.of("stdout.txt")).toBe("last words\n");
    const failed = await jobs.run(...names("bad"), parameters, { throwOnFailure: false });
    expect(failed).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 3 } });
  });

  it("says that the job continues if its output is not on a share", async () => {
    const { jobs } = service.client;
    const parameters = { ...service.parameters("gate d"), stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP_DIR" };
    const options = { ...quick, onOutput: () => undefined };
    const error = await rejectionOf(jobs.run(...names("local"), parameters, options));
    expect(error).toMatchObject({ code: "OutputDirectoryNotOnShare", details: { target: "outputdirectoryid" } });
    expect(error.message).toMatch(
      /^jobs\.run: the output of job local cannot be read; the job continues\. jobs\.listOutputFiles: /,
    );
    await service.open("d");
    await expect(jobs.run(...names("local"), parameters)).resolves.toMatchObject({ executionState: "succeeded" });
  });

  it("says what is wrong with its arguments or its job before anything runs", async () => {
    const { jobs } = service.client;
    const wrong = { ...service.parameters("true"), nodeCount: 0 };
    expect((await rejectionOf(jobs.run(...names("wrong"), wrong))).message).toMatch(
      /^jobs\.run: parameters\.nodeCount: /,
    );
    await jobs.run(...names("same"), service.parameters("true"), quick);
    const error = await rejectionOf(jobs.run(...names("same"), service.parameters("false")));
    expect(error).toMatchObject({ statusCode: 409, message: expect.stringMatching(/^jobs\.run: /) });
  });

  it("ends when another job takes the name, and hands on nothing of that job", async () => {
    const output = new Collected();
    const { client } = recordingClient();
    let replaced: Promise<void> | undefined;
    client.pipeline.addPolicy({
      name: "replace",
      sendRequest: async (request, next) => {
        if (request.url.includes("/listOutputFiles")) {
          await (replaced ??= service.replace(names("taken"), "echo of the second"));
          await service.client.jobs.waitForCompletion(...names("taken"), quick);
        }
        return next(request);
      },
    });
    const parameters = service.parameters("gate never");
    const error = await rejectionOf(
      client.jobs.run(...names("taken"), parameters, { ...quick, onOutput: output.onOutput }),
    );
    expect(error).toMatchObject({ code: "ResourceReplaced" });
    expect(error.message).not.toContain("continues");
    expect(output.pieces).toEqual([]);
  });

  it("ends with what onOutput throws", async () => {
    const onOutput = (): void => {
      throw new RangeError("enough");
    };
    const running = service.client.jobs.run(...names("rude"), service.parameters("echo text"), { ...quick, onOutput });
    await expect(running).rejects.toThrow(RangeError);
  });
});
