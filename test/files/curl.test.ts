import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  ShareSASPermissions,
  StorageSharedKeyCredential,
  generateFileSASQueryParameters,
} from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilesProcess } from "./filesProcess.ts";

const execute = promisify(execFile);

describe("curl with a SAS", () => {
  let folder: string;
  let files: FilesProcess;
  let sas: string;
  const content = randomBytes(3_000_000);
  const at = (path: string, query = ""): string => `${files.account.fileEndpoint}/curled/${path}?${query}${sas}`;
  /** Runs curl and returns what it received. */
  const curl = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute("curl", ["--silent", "--show-error", "--fail", ...args], { timeout: 60_000 });
    return stdout;
  };
  const upload = async (path: string, name: string): Promise<void> => {
    await curl(
      "-X",
      "PUT",
      "-H",
      "x-ms-type: file",
      "-H",
      `x-ms-content-length: ${content.length}`,
      at(name),
      "-d",
      "",
    );
    const headers = ["-H", "x-ms-write: update", "-H", `x-ms-range: bytes=0-${content.length - 1}`];
    // By default, curl sends `Expect: 100-continue` with a body of this size, so 100-continue must work.
    await curl("-X", "PUT", ...headers, "--data-binary", `@${path}`, at(name, "comp=range&"));
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-curl-"));
    files = await FilesProcess.start(join(folder, "data"));
    await files.client().createShare("curled");
    const { name, key } = files.account;
    const permissions = ShareSASPermissions.parse("rcwdl");
    const expiresOn = new Date(Date.now() + 600_000);
    const credential = new StorageSharedKeyCredential(name, key);
    sas = generateFileSASQueryParameters({ shareName: "curled", permissions, expiresOn }, credential).toString();
    await writeFile(join(folder, "up.bin"), content);
  });
  afterAll(async () => {
    await files.stop();
    await rm(folder, { recursive: true });
  });

  it("uploads, downloads in full and in part, resumes, and deletes", async () => {
    await upload(join(folder, "up.bin"), "up.bin");
    const whole = join(folder, "whole.bin");
    await curl("-o", whole, at("up.bin"));
    expect(digest(await readFile(whole))).toBe(digest(content));
    const part = join(folder, "part.bin");
    await curl("-o", part, "--range", "1000000-1999999", at("up.bin"));
    expect(digest(await readFile(part))).toBe(digest(content.subarray(1_000_000, 2_000_000)));
    await writeFile(whole, content.subarray(0, 1_234_567));
    await curl("-o", whole, "--continue-at", "-", at("up.bin"));
    expect(digest(await readFile(whole))).toBe(digest(content));
    expect(await curl("--head", at("up.bin"))).toMatch(/^content-length: 3000000\r$/im);
    await curl("-X", "DELETE", at("up.bin"));
    await expect(curl(at("up.bin"))).rejects.toThrow(/404/);
  });

  it("lists", async () => {
    await curl("-X", "PUT", at("folder", "restype=directory&"), "-d", "");
    await upload(join(folder, "up.bin"), "folder/a%20b.bin");
    const listing = await curl(at("folder", "restype=directory&comp=list&"));
    expect(listing).toMatch(/<File>.*<Name>a b\.bin<\/Name>.*<Content-Length>3000000<\/Content-Length>.*<\/File>/s);
  });

  it("is refused without the signature, or with another one", async () => {
    await expect(curl(at("folder", "restype=directory&comp=list&").split("?")[0] ?? "")).rejects.toThrow(/40[13]/);
    await expect(curl(at("folder/a%20b.bin").replace(/sig=[^&]*/, "sig=AAAA"))).rejects.toThrow(/403/);
  });
});

function digest(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
