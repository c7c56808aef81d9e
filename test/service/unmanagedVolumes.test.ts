import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isMountPoint, mountsBelow } from "../../src/ground/mountTable.ts";
import { unmountBelow } from "../../src/ground/unmount.ts";
import { textOf } from "../engines/workplace.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { mountObstacle } from "./mountObstacle.ts";

const obstacle = mountObstacle();

describe.skipIf(obstacle)(titleOf("volumes that are mounted", obstacle), () => {
  let folder: string;
  let service: EmbeddedService;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-mounts-"));
    await mkdir(join(folder, "bin"));
    await mkdir(join(folder, "theirs"));
    await writeFile(join(folder, "theirs/precious"), "kept");
    vi.stubEnv("PATH", `${join(folder, "bin")}${delimiter}${process.env.PATH ?? ""}`);
    service = await EmbeddedService.start({ mountRoot: join(folder, "roots"), flushTimeoutInMs: 5000 });
  });

  afterEach(async () => {
    await service.close();
    expect(mountsBelow(folder)).toEqual([]);
    vi.unstubAllEnvs();
    await unmountBelow(folder);
    expect(await readFile(join(folder, "theirs/precious"), "utf8")).toBe("kept");
    await rm(folder, { recursive: true });
  });

  /** Puts a program first in PATH. */
  async function program(name: string, script: string): Promise<void> {
    await writeFile(join(folder, "bin", name), `#!/bin/bash\n${script}\n`);
    await chmod(join(folder, "bin", name), 0o755);
  }

  async function failure(name: string): Promise<{ code: string; message: string; info: string }> {
    const { executionState, executionInfo } = await service.ended(name);
    expect(executionState).toBe("failed");
    const [error] = (
      executionInfo as { errors: { code: string; message: string; details?: { name: string; value: string }[] }[] }
    ).errors;
    const info = error?.details?.find((detail) => detail.name === "Info")?.value ?? "";
    return { code: error?.code ?? "", message: error?.message ?? "", info };
  }

  /** A mount command that never ends, and the ID of its process once it runs. */
  function endless(): { readonly command: string; readonly processId: () => number | undefined } {
    const file = join(folder, "pid");
    return {
      command: `echo $$ > '${file}'; exec sleep 1000 #`,
      processId: () => (existsSync(file) ? Number(readFileSync(file, "utf8")) || undefined : undefined),
    };
  }

  async function untilEnded(processId: number | undefined): Promise<void> {
    if (processId === undefined) throw new Error("the mount command has not run");
    await until("the mount command has ended", () => {
      const stat = textOf(`/proc/${String(processId)}/stat`);
      return stat === "" || stat.includes(") Z ");
    });
  }

  const unmanaged = (mountCommand: string) => ({
    mountVolumes: { unmanagedFileSystems: [{ mountCommand, relativeMountPath: "fs" }] },
  });
  const submit = (name: string, commandLine: string, properties: Record<string, unknown>) =>
    service.arm.expect("PUT", service.arm.jobPath(name), service.arm.jobBody(commandLine, properties));

  it("unmanaged: the command gets its target, and what it mounts is unmounted when the job ends", async () => {
    await service.arm.prepare();
    const command = "cat $AZ_BATCHAI_JOB_MOUNT_ROOT/fs/precious > $AZ_BATCHAI_JOB_MOUNT_ROOT/fs/copy";
    const { executionState } = await service.run(
      "job",
      command,
      unmanaged(`mount --bind '${join(folder, "theirs")}'\n`),
    );
    expect(executionState).toBe("succeeded");
    expect(await readFile(join(folder, "theirs/copy"), "utf8")).toBe("kept");
    expect(mountsBelow(folder)).toEqual([]);
  });

  it("unmanaged: the cluster's is mounted for its nodes and unmounted with them", async () => {
    await service.arm.prepare(2, { nodeSetup: unmanaged(`mount --bind ${join(folder, "theirs")}`) });
    await service.counts({ idleNodeCount: 2 });
    expect(mountsBelow(folder)).toHaveLength(1);
    const { executionState } = await service.run("job", "cat $AZ_BATCHAI_MOUNT_ROOT/fs/precious");
    expect(executionState).toBe("succeeded");
    await service.arm.expect("DELETE", service.arm.inWorkspace("/clusters/nodes"));
    await vi.waitFor(() => {
      expect(mountsBelow(folder)).toEqual([]);
    }, 20_000);
  });

  it("unmanaged: a command that fails says with which exit code, and what it wrote", async () => {
    await service.arm.prepare();
    await submit("job", "true", unmanaged("echo no such server >&2; exit 32 #"));
    const { code, message, info } = await failure("job");
    expect({ code, message }).toEqual({
      code: "UnmanagedMountError",
      message: "Unable to mount unmanaged file system",
    });
    expect(info).toBe("the mount command ended with exit code 32. It wrote: no such server");
  });

  it("unmanaged: a command that mounts nothing says so", async () => {
    await service.arm.prepare();
    await submit("job", "true", unmanaged("true"));
    expect((await failure("job")).info).toBe("the mount command ended with exit code 0 but mounted nothing.");
  });

  it("unmanaged: a command that never ends is given up", async () => {
    await service.close();
    service = await EmbeddedService.start({ mountRoot: join(folder, "roots"), mountTimeoutInMs: 300 });
    await service.arm.prepare();
    const { command, processId } = endless();
    await submit("job", "true", unmanaged(command));
    expect((await failure("job")).info).toBe("the mount command mounted nothing within 0.3 seconds.");
    await untilEnded(processId());
  });

  it("unmanaged: a command that never ends is ended with its job", async () => {
    await service.arm.prepare();
    const { command, processId } = endless();
    await submit("job", "true", unmanaged(command));
    await until("the mount command runs", () => processId() !== undefined);
    await service.arm.expect("POST", `${service.arm.jobPath("job")}/terminate`);
    expect((await failure("job")).code).toBe("JobTerminated");
    await untilEnded(processId());
  });

  it("shares of other accounts: mount gets its arguments, and the key in a private file that is removed", async () => {
    const record = join(folder, "record");
    const script = [
      `printf '%s\\n' "$@" > "${record}"`,
      `options="\${!#}"; file="\${options#*credentials=}"; file="\${file%%,*}"`,
      `stat -c '%a %u' "$file" >> "${record}"; cat "$file" >> "${record}"; echo "$file" > "${record}.file"`,
      `exec /usr/bin/mount --bind "${join(folder, "theirs")}" "$4"`,
    ];
    await program("mount", script.join("\n"));
    await service.arm.prepare();
    const share = {
      accountName: "elsewhere",
      azureFileUrl: "https://elsewhere.file.core.windows.net/Data",
      credentials: { accountKey: "c2VjcmV0" },
      relativeMountPath: "afs",
      fileMode: "0640",
    };
    const command = "cat $AZ_BATCHAI_JOB_MOUNT_ROOT/afs/precious";
    const { executionState } = await service.run("job", command, { mountVolumes: { azureFileShares: [share] } });
    expect(executionState).toBe("succeeded");
    const [type, cifs, server, target, , options, mode, ...credentials] = (await readFile(record, "utf8")).split("\n");
    expect([type, cifs, server]).toEqual(["-t", "cifs", "//elsewhere.file.core.windows.net/data"]);
    expect(target).toMatch(/\/volumes\/j-[0-9a-f]+\/[0-9a-f]+$/);
    expect(options).toMatch(/^vers=3\.0,credentials=\S+,file_mode=0640,dir_mode=0777,serverino$/);
    expect(mode).toBe(`600 ${String(process.getuid?.())}`);
    expect(credentials).toEqual(["username=elsewhere", "password=c2VjcmV0", ""]);
    expect(await readdir(join((await readFile(`${record}.file`, "utf8")).trim(), "..")).catch(() => [])).toEqual([]);
    expect(mountsBelow(folder)).toEqual([]);
  });

  it("shares of other accounts: the error says what is missing, never the key, and which accounts the service hosts", async () => {
    await program("mount", `echo "mount: unknown filesystem type 'cifs' c2VjcmV0" >&2; exit 32`);
    await service.arm.prepare();
    const share = {
      accountName: "elsewhere",
      azureFileUrl: "https://elsewhere.file.core.windows.net/data",
      credentials: { accountKey: "c2VjcmV0" },
      relativeMountPath: "afs",
    };
    await submit("job", "true", { mountVolumes: { azureFileShares: [share] } });
    const { code, info } = await failure("job");
    expect(code).toBe("AZFMountError");
    expect(info).toContain("mount ended with exit code 32. It wrote: mount: unknown filesystem type 'cifs' ***");
    expect(info).toContain("(it hosts: batchaistorage)");
    expect(info).toContain("cifs-utils");
  });

  it("a machine without a program for containers says what to install", async () => {
    vi.stubEnv("PATH", join(folder, "bin"));
    await service.arm.prepare(1, {});
    const azureBlobFileSystems = [
      { accountName: "elsewhere", containerName: "data", credentials: { accountKey: "aw==" }, relativeMountPath: "b" },
    ];
    await submit("job", "true", { mountVolumes: { azureBlobFileSystems } });
    const { code, info } = await failure("job");
    expect(code).toBe("BFSMountError");
    expect(info).toContain("this machine has no blobfuse2 or rclone. Install one of them.");
  });

  it("what a job mounts in its own folders is unmounted, and never removed", async () => {
    await service.arm.prepare();
    const own = `mount --bind ${join(folder, "theirs")}`;
    const command = [
      `mkdir mine $AZ_BATCHAI_SHARED_JOB_TEMP/mine`,
      `${own} mine`,
      `${own} $AZ_BATCHAI_SHARED_JOB_TEMP/mine`,
    ].join(" && ");
    expect((await service.run("job", command)).executionState).toBe("succeeded");
    expect(mountsBelow(folder)).toHaveLength(2);
    expect((await service.run("next", "true")).executionState).toBe("succeeded");
    await service.arm.expect("DELETE", service.arm.jobPath("job"));
    await vi.waitFor(() => {
      expect(mountsBelow(folder)).toEqual([]);
    }, 20_000);
    expect(isMountPoint(join(folder, "theirs"))).toBe(false);
  });
});
