import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FilesProcess } from "./filesProcess.ts";

const execute = promisify(execFile);
const script = new URL("pythonClient.py", import.meta.url).pathname;
// Only Debian's own interpreter finds Debian's packages.
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** Classes of tests in `pythonClient.py`. */
const parts = "Shares Directories Files Ranges Sas Policies Snapshots Leases Moves Service".split(" ");

describe("the Python client of Azure Files", () => {
  let folder: string;
  let files: FilesProcess;
  let isMissing: boolean;
  beforeAll(async () => {
    isMissing = await execute(python, ["-c", "import azure.storage.fileshare"]).then(
      () => false,
      () => true,
    );
    folder = await mkdtemp(join(tmpdir(), "batchai-python-"));
    files = await FilesProcess.start(folder);
  });
  afterAll(async () => {
    await files.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach((test) => {
    // Contributors may not have Debian, but CI must have the client.
    if (isMissing && !process.env.CI) test.skip("python3-azure-storage is not installed (Debian: apt-get install)");
  });

  it.each(parts)("passes: %s", async (part) => {
    const env = { ...process.env, CONNECTION: files.account.connectionString, PYTHONDONTWRITEBYTECODE: "1" };
    const { stderr } = await execute(python, [script, part], { env, timeout: 120_000 });
    // Python's unittest reports on standard error; a failure would have made `execute` throw.
    expect(stderr).toMatch(/Ran [1-9]\d* tests? in .*\n\nOK\n$/);
  });

  it("left no trace of a failure", () => {
    expect(files.output).not.toMatch(/failed|InternalError/);
  });
});
