import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { AzureLogger, setLogLevel } from "@azure/logger";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OutputFilePart, OutputFileStream } from "../../src/index.ts";
import { collect, promptly, rejectionOf, turnsUntil } from "./fixtures.ts";
import { JobsOfService } from "./jobsOfService.ts";
import type { JobNames } from "./jobsOfService.ts";
import { StorageDetour } from "./storageDetour.ts";
import type { Trouble } from "./storageDetour.ts";

let service: JobsOfService;
let detour: StorageDetour;
beforeAll(async () => {
  service = await JobsOfService.start();
  detour = new StorageDetour(service.embedded.service.connection.storage.fileEndpoint);
});
afterEach(() => {
  detour.trouble = () => undefined;
  detour.requests.length = 0;
});
afterAll(async () => {
  detour.close();
  await service.close();
});

const quick = { updateIntervalInMs: 10 };

async function ended(name: string, commandLine: string): Promise<Awaited<ReturnType<JobsOfService["submit"]>>> {
  const job = await service.submit(name, commandLine);
  await service.client.jobs.waitForCompletion(...job, { throwOnFailure: false, ...quick });
  return job;
}

async function bytesOf(stream: OutputFileStream): Promise<Buffer> {
  return Buffer.concat(await collect(stream));
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

describe("jobs.streamOutputFile", () => {
  it("hands on every line as it is written, and ends with the job", async () => {
    const job = await service.submit(
      "lines",
      "printf 'first\\nsec'; gate a; printf 'ond\\r\\nthird äö'; gate b; exit 1",
    );
    const lines: string[] = [];
    const reading = (async () => {
      const stream = service.client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt", quick);
      for await (const line of stream.lines()) lines.push(line);
    })();
    await expect.poll(() => lines).toEqual(["first"]);
    await service.open("a");
    await expect.poll(() => lines).toEqual(["first", "second"]);
    await service.open("b");
    await reading;
    expect(lines).toEqual(["first", "second", "third äö"]);
  });

  it("waits for a file in a directory that is not there yet, and reads on from where one was", async () => {
    const command = 'cd "$AZ_BATCHAI_OUTPUT_OUT"; gate c; mkdir -p a/b; echo 0123456789 > a/b/late.txt; gate d';
    const job = await service.submit("late", command);
    const text = service.client.jobs.streamOutputFile(...job, "OUT", "a/b/late.txt", { ...quick, offset: 6 }).text();
    await service.open("c");
    await service.open("d");
    await expect(text).resolves.toBe("6789\n");
  });

  it("puts letters together whose bytes were written apart", async () => {
    const job = await service.submit("apart", "printf '\\303'; gate e; printf '\\244\\n'");
    const pieces: Uint8Array[] = [];
    const stream = service.client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt", quick);
    for await (const piece of stream) {
      pieces.push(piece);
      await service.open("e");
    }
    expect(pieces).toHaveLength(2);
    await expect(stream.text()).resolves.toBe("ä\n");
  });

  it("says that the job ended without the file", async () => {
    const job = await ended("without", "exit 5");
    const error = await rejectionOf(service.client.jobs.streamOutputFile(...job, "OUT", "model").text());
    expect(error).toMatchObject({
      code: "OutputFileNotFound",
      message: expect.stringMatching(
        /^jobs\.streamOutputFile: job without ended without the file model\. Job without failed with exit code 5\. .*\[OutputFileNotFound\]$/,
      ),
    });
  });

  it("says that the job was deleted meanwhile, or has no such output directory", async () => {
    const job = await service.submit("deleted", "echo begun; gate never");
    const wrong = await rejectionOf(service.client.jobs.streamOutputFile(...job, "NONE", "model").text());
    expect(wrong).toMatchObject({
      code: "OutputDirectoryNotFound",
      message: expect.stringMatching(/^jobs\.listOutputFiles: The job has no output directory "NONE"\./),
    });
    const lines: string[] = [];
    const error = await rejectionOf(
      (async () => {
        for await (const line of service.client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt").lines()) {
          lines.push(line);
          await service.client.jobs.delete(...job);
        }
      })(),
    );
    expect(lines).toEqual(["begun"]);
    expect(error).toMatchObject({ code: "JobNotFound", message: expect.stringContaining("job deleted was deleted") });
  });

  it("ends when another job takes the name, and hands on nothing of that job", async () => {
    const job = await service.submit("taken", "echo of the first; gate never");
    const lines: string[] = [];
    const error = await rejectionOf(
      (async () => {
        for await (const line of service.client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt").lines()) {
          lines.push(line);
          await service.replace(job, "echo of the second, which is longer");
          await service.client.jobs.waitForCompletion(...job, quick);
        }
      })(),
    );
    expect(lines).toEqual(["of the first"]);
    expect(error).toMatchObject({
      code: "ResourceReplaced",
      message: expect.stringContaining("job taken was deleted"),
    });
  });

  it.each<[string, (job: JobNames) => Promise<unknown>, object]>([
    [
      "replaced",
      async (job) => {
        await service.replace(job, "echo of the second");
        await service.client.jobs.waitForCompletion(...job, quick);
      },
      { code: "ResourceReplaced" },
    ],
    [
      "deleted",
      (job) => Promise.resolve(service.client.jobs.delete(...job)),
      { code: "JobNotFound", message: expect.stringContaining("was deleted during the wait") },
    ],
  ])(
    "notices that the job was %s between a look at the job and the list of its files",
    async (how, change, expected) => {
      const job = await service.submit(`race-${how}`, "gate never");
      const client = service.clientWith({});
      let changed: Promise<unknown> | undefined;
      client.pipeline.addPolicy({
        name: "change",
        sendRequest: async (request, next) => {
          if (request.url.includes("/listOutputFiles")) await (changed ??= change(job));
          return next(request);
        },
      });
      const pieces: Uint8Array[] = [];
      const error = await rejectionOf(
        (async () => {
          for await (const piece of client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt", quick))
            pieces.push(piece);
        })(),
      );
      expect(error).toMatchObject(expected);
      expect(pieces).toEqual([]);
    },
  );

  it("looks at the job a second time only for a new link", async () => {
    const job = await ended("economical", 'head -c 10000000 /dev/zero > "$AZ_BATCHAI_OUTPUT_OUT/big"');
    const client = service.clientWith({});
    const requests: string[] = [];
    client.pipeline.addPolicy({
      name: "record",
      sendRequest: (request, next) => {
        requests.push(/\w+(?=\?)/.exec(request.url)?.[0] ?? "");
        return next(request);
      },
    });
    await expect(bytesOf(client.jobs.streamOutputFile(...job, "OUT", "big"))).resolves.toHaveLength(10_000_000);
    expect(requests).toEqual(["economical", "listOutputFiles", "economical"]);
  });

  it("does not join what does not belong together", async () => {
    const job = await service.submit(
      "shorter",
      // The short file comes at once and whole: writing over the long one would empty it for a moment.
      'cd "$AZ_BATCHAI_OUTPUT_OUT"; echo x > short; echo long text > f; gate g; mv short f; gate never',
    );
    const error = await rejectionOf(
      (async () => {
        for await (const _ of service.client.jobs.streamOutputFile(...job, "OUT", "f", quick)) await service.open("g");
      })(),
    );
    expect(error).toMatchObject({
      code: "OutputFileChanged",
      message: expect.stringContaining("shrank from at least 10 to 2 bytes"),
    });
    await service.client.jobs.delete(...job);
  });

  it.each([
    [{ offset: -1 }, "options.offset: must be an integer of at least 0, got -1"],
    [{ offset: 0.5 }, "options.offset: must be an integer of at least 0, got 0.5"],
  ])("refuses %j", async (options, message) => {
    const stream = service.client.jobs.streamOutputFile("group", "work", "exp", "j", "OUT", "f", options);
    expect((await rejectionOf(stream.text())).message).toContain(message);
  });

  it.each(["", "/", "../stdout.txt", "a/../../b"])("refuses the path %j", async (path) => {
    const job = await ended(`path${String(path.length)}`, "true");
    const error = await rejectionOf(service.client.jobs.streamOutputFile(...job, "OUT", path).text());
    expect(error).toMatchObject({
      name: "ValidationError",
      message: expect.stringContaining("in the output directory"),
    });
  });
});

describe("on a bad road to the storage, jobs.streamOutputFile", () => {
  const big = 'head -c 10000000 /dev/urandom > "$AZ_BATCHAI_OUTPUT_OUT/big"';

  it("loses nothing and doubles nothing when connections break", async () => {
    const job = await ended("breaks", big);
    const straight = await bytesOf(service.client.jobs.streamOutputFile(...job, "OUT", "big"));
    expect(straight).toHaveLength(10_000_000);
    const client = service.clientWith({ httpClient: detour.httpClient });
    let count = 0;
    detour.trouble = (request) => {
      count += 1;
      if (count % 3 === 1) return "cut";
      if (count % 3 === 0) return undefined;
      request.socket.resetAndDestroy();
      return "passed over";
    };
    const crooked = await bytesOf(client.jobs.streamOutputFile(...job, "OUT", "big"));
    expect(sha256(crooked)).toBe(sha256(straight));
    expect(detour.requests.length).toBeGreaterThan(6);
  });

  it("passes over what storage without ranges sends too much", async () => {
    const job = await ended("whole", "echo 0123456789");
    detour.trouble = (_, response) => {
      response.writeHead(200, { "content-length": "11" }).end("0123456789\n");
      return "passed over";
    };
    const client = service.clientWith({ httpClient: detour.httpClient });
    const stream = client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt", { offset: 4 });
    await expect(stream.text()).resolves.toBe("456789\n");
  });

  it("reads on where storage sends less than was asked for", async () => {
    const job = await ended("less", "echo 0123456789");
    detour.trouble = ({ headers }, response) => {
      const first = Number(/\d+/.exec(headers.range ?? "")?.[0]);
      const some = "0123456789\n".slice(first, first + 4);
      const range = `bytes ${first}-${first + some.length - 1}/11`;
      response.writeHead(206, { "content-length": some.length, "content-range": range }).end(some);
      return "passed over";
    };
    const client = service.clientWith({ httpClient: detour.httpClient });
    const stream = client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt");
    await expect(stream.text()).resolves.toBe("0123456789\n");
  });

  it("does not take a file that vanishes while it is read for one that ends", async () => {
    const job = await ended("vanishes", big);
    detour.trouble = (_, response) => {
      if (detour.requests.length === 1) return undefined;
      response.writeHead(404).end();
      return "passed over";
    };
    const client = service.clientWith({ httpClient: detour.httpClient });
    const error = await rejectionOf(client.jobs.streamOutputFile(...job, "OUT", "big").text());
    expect(error).toMatchObject({ code: "OutputFileNotFound" });
  });

  it("renews a link that has expired", async () => {
    const job = await ended("expires", big);
    const expired = new Set<string>();
    detour.trouble = ({ url = "" }, response) => {
      // Every link is good once.
      if (!expired.has(url)) {
        expired.add(url);
        return undefined;
      }
      response.writeHead(403, { "x-ms-error-code": "AuthenticationFailed" }).end();
      return "passed over";
    };
    let lists = 0;
    const client = service.clientWith({ httpClient: detour.httpClient });
    client.pipeline.addPolicy({
      name: "count",
      sendRequest: (request, next) => {
        if (request.url.includes("/listOutputFiles")) lists += 1;
        // Links are made to the second, so a different expiry makes a different link.
        request.url = request.url.replace(
          /$/,
          request.url.includes("/listOutputFiles") ? `&linkexpiryinminutes=${10 + lists}` : "",
        );
        return next(request);
      },
    });
    await expect(bytesOf(client.jobs.streamOutputFile(...job, "OUT", "big"))).resolves.toHaveLength(10_000_000);
    expect(lists).toBe(3);
  });

  it("says so when even a new link is refused", async () => {
    const job = await ended("refused", "echo text");
    detour.trouble = (_, response) => {
      response.writeHead(403).end();
      return "passed over";
    };
    const client = service.clientWith({ httpClient: detour.httpClient });
    const error = await rejectionOf(client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt").text());
    expect(error).toMatchObject({ code: "DownloadLinkRefused" });
  });

  it.each<[string, Trouble]>([
    ["an answer breaks off again and again", () => "cut"],
    [
      "it answers an error",
      (_, response) => {
        response.writeHead(500, { "x-ms-error-code": "InternalError" }).end();
        return "passed over";
      },
    ],
  ])("gives up when %s, and never tells the signature or the token", async (_, trouble) => {
    const job = await ended("secret", "echo text");
    detour.trouble = trouble;
    const client = service.clientWith({ httpClient: detour.httpClient });
    const stream = client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt", quick);
    const error = await rejectionOf(stream.text());
    expect(error.message).toMatch(
      /^jobs\.streamOutputFile: http:\/\/127\.0\.0\.1:\d+\/.*\/stdout\.txt could not be read: /,
    );
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/sig=(?!REDACTED)/);
    expect(detour.requests).toHaveLength(4);
    for (const { url, headers } of detour.requests) {
      expect(url).toContain("sig=");
      expect(headers).not.toHaveProperty("authorization");
      expect(headers).not.toHaveProperty("x-ms-client-request-id");
    }
  });

  it("logs what it asks for without the signature", async () => {
    const job = await ended("logged", "echo text");
    const logged: string[] = [];
    const { log } = AzureLogger;
    AzureLogger.log = (...args) => logged.push(args.map(String).join(" "));
    setLogLevel("verbose");
    try {
      const loggingOptions = { additionalAllowedQueryParameters: ["sig"] };
      const client = service.clientWith({ httpClient: detour.httpClient, loggingOptions });
      await client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt").text();
    } finally {
      setLogLevel(undefined);
      AzureLogger.log = log;
    }
    const lines = logged.join("\n");
    expect(lines).toMatch(/"url": ".*\/stdout\.txt\?.*sig=REDACTED/);
    expect(lines).toContain('"range": "bytes=0-4194303"');
    expect(lines).not.toMatch(/sig=(?!REDACTED)/);
  });

  it("stops at once when it is aborted while the storage does not respond, and says that the job continues", async () => {
    const job = await service.submit("silent", "echo text; gate never");
    const controller = new AbortController();
    detour.trouble = (_, response) => {
      response.writeHead(206, { "content-length": "5", "content-range": "bytes 0-4/5" }).write("te");
      return "passed over";
    };
    const client = service.clientWith({ httpClient: detour.httpClient });
    const options = { ...quick, abortSignal: controller.signal };
    const rejection = rejectionOf(client.jobs.streamOutputFile(...job, "stdouterr", "stdout.txt", options).text());
    await expect.poll(() => detour.requests.length).toBe(1);
    controller.abort();
    expect(await turnsUntil(rejection)).toBeLessThan(promptly);
    const error = await rejection;
    expect(error).toMatchObject({
      name: "AbortError",
      message: "jobs.streamOutputFile: the wait for job silent was aborted; the job continues.",
    });
    await service.client.jobs.delete(...job);
  });
});

describe("jobs.readOutputFile", () => {
  it("asks again when the storage falls silent for longer than it may, and gives up in the end", async () => {
    const job = await ended("falls-silent", "echo text");
    let silences = 2;
    detour.trouble = (_, response) => {
      silences -= 1;
      if (silences < 0) return undefined;
      response.writeHead(206, { "content-length": "5", "content-range": "bytes 0-4/5" }).write("te");
      return "passed over";
    };
    const { jobs } = service.clientWith({ httpClient: detour.httpClient });
    const read = (): Promise<OutputFilePart> =>
      jobs.readOutputFile(...job, "stdouterr", "stdout.txt", { requestOptions: { timeout: 1000 } });
    expect(Buffer.from((await read()).content).toString()).toBe("text\n");
    expect(detour.requests).toHaveLength(3);
    silences = Infinity;
    const error = await rejectionOf(read());
    expect(error).toMatchObject({
      code: "ETIMEDOUT",
      message: expect.stringContaining("no complete response within 1000 ms"),
    });
  });

  it("reads a part of a file with its MD5, and says how large the file is", async () => {
    const job = await ended("part", "echo 0123456789");
    const part = await service.client.jobs.readOutputFile(...job, "stdouterr", "stdout.txt", {
      ...{ offset: 3, length: 4, includeMd5: true },
    });
    expect(Buffer.from(part.content).toString()).toBe("3456");
    expect(part).toMatchObject({ fileSize: 11, contentMd5: createHash("md5").update("3456").digest("base64") });
    expect(part.etag).toEqual(expect.any(String));
    expect(part.lastModified).toBeInstanceOf(Date);
    const beyond = await service.client.jobs.readOutputFile(...job, "stdouterr", "stdout.txt", { offset: 11 });
    expect(beyond).toMatchObject({ content: new Uint8Array(), fileSize: 11 });
  });

  it("says what is wrong", async () => {
    const job = await ended("wrong", "true");
    const { jobs } = service.client;
    expect(await rejectionOf(jobs.readOutputFile(...job, "OUT", "none"))).toMatchObject({ code: "OutputFileNotFound" });
    expect(await rejectionOf(jobs.readOutputFile(...job, "OUT", "none", { length: 0 }))).toMatchObject({
      name: "ValidationError",
    });
    const insecure = { downloadUrl: "http://storage.example/a/b/none?sig=x" };
    const error = await rejectionOf(jobs.readOutputFile(...job, "OUT", "none", insecure));
    expect(error).toMatchObject({ code: "InsecureConnection" });
    expect(inspect(error, { showHidden: true })).not.toContain("sig=");
  });
});
