import { check, quick, same } from "./stage.ts";
import type { Step } from "./steps.ts";

const stdout = ["stdouterr", "stdout.txt"] as const;
const part = 4 * 1024 * 1024;
/** The lines of a file of more than one part (4 MiB). */
const lineCount = 700_000;

/** Output files: the whole file, a part, and a file that grows. */
export const outputSteps: Record<string, Step> = {
  "follows a file line by line while it grows": async (stage) => {
    const job = await stage.submit("growing", "printf 'first\\nsec'; gate a; printf 'ond äö\\n'; gate b; echo third");
    const lines: string[] = [];
    for await (const line of stage.client.jobs.streamOutputFile(...job, ...stdout, quick).lines()) {
      lines.push(line);
      // The job writes the next line only after this one was read.
      await stage.open(line === "first" ? "a" : "b");
    }
    same(lines, ["first", "second äö", "third"]);
  },

  "follows a file of more than 4 MiB": async (stage) => {
    const job = await stage.submit("big", `seq 1 ${lineCount}`);
    let expected = 0;
    for await (const line of stage.client.jobs.streamOutputFile(...job, ...stdout, quick).lines()) {
      expected += 1;
      if (line !== String(expected)) throw new Error(`line ${expected} is ${line}`);
    }
    same(expected, lineCount);
  },

  "reads a part whose length is filled": async (stage) => {
    const { jobs } = stage.client;
    const path = [...stage.job("big"), ...stdout] as const;
    const small = await jobs.readOutputFile(...path, { offset: 4, length: 7 });
    same(new TextDecoder().decode(small.content), "3\n4\n5\n6");
    const whole = await jobs.readOutputFile(...path);
    same(whole.content.length, part);
  },

  "reads the end of a file": async (stage) => {
    const path = [...stage.job("big"), ...stdout] as const;
    const { content } = await stage.client.jobs.readOutputFile(...path, { offset: part });
    check(new TextDecoder().decode(content).endsWith(`\n${lineCount}\n`), "the end of the file is missing");
  },

  "reads a part of a storage that sends more than was requested": async (stage) => {
    const options = { length: 10, downloadUrl: stage.halfOf("rest") };
    const { content } = await stage.stuckClient().jobs.readOutputFile(...stage.job("any"), "any", "any", options);
    same(content.length, 10);
  },

  "reads many parts, one after the other": async (stage) => {
    const path = [...stage.job("big"), ...stdout] as const;
    let downloadUrl: string | undefined;
    for await (const file of stage.client.jobs.listOutputFiles(...stage.job("big"), "stdouterr")) {
      if (file.name === "stdout.txt") downloadUrl = file.downloadUrl;
    }
    check(downloadUrl !== undefined, "the file has no download URL");
    for (let offset = 0; offset < 100; offset += 2) {
      const { content } = await stage.client.jobs.readOutputFile(...path, { offset, length: 2, downloadUrl });
      same(content.length, 2);
    }
  },
};
