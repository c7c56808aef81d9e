import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import type { FileServerCreateParameters } from "../../src/index.ts";
import { clusterBody } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { until } from "../until.ts";

let embedded: EmbeddedService;
let client: BatchAIManagementClient;

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 500 });
  const { endpoint, subscriptionId, token } = embedded.service.connection;
  client = new BatchAIManagementClient(tokenCredential(token), subscriptionId, {
    endpoint,
    allowInsecureConnection: true,
  });
  await embedded.arm.prepare(0);
});

afterAll(async () => {
  await embedded.close();
});

const parameters: FileServerCreateParameters = {
  vmSize: "STANDARD_D2_V2",
  sshConfiguration: { userAccountSettings: { adminUserName: "me", adminUserPassword: "password-of-the-server" } },
  dataDisks: { diskSizeInGB: 10, diskCount: 2, storageAccountType: "Standard_LRS" },
};

async function makeCluster(cluster: string, fileServerId: string, sourceDirectory?: string): Promise<void> {
  const mount = { fileServer: { id: fileServerId }, relativeMountPath: "nfs", sourceDirectory };
  const nodeSetup = { mountVolumes: { fileServers: [mount] } };
  await embedded.arm.expect("PUT", embedded.arm.inWorkspace(`/clusters/${cluster}`), clusterBody(1, { nodeSetup }));
}

const on = (cluster: string): Record<string, unknown> => ({
  cluster: { id: embedded.arm.inWorkspace(`/clusters/${cluster}`) },
});

describe("file servers", () => {
  it("are created, found, listed and deleted", async () => {
    const created = await client.fileServers.create("group", "work", "server", parameters);
    expect(created).toMatchObject({
      type: "Microsoft.BatchAI/workspaces/fileservers",
      provisioningState: "succeeded",
      dataDisks: { cachingType: "none", diskCount: 2 },
      mountSettings: { mountPoint: "/data" },
      sshConfiguration: { userAccountSettings: { adminUserName: "me" } },
    });
    expect(created.id).toMatch(/\/workspaces\/work\/fileservers\/server$/);
    expect(created.subnet?.id).toMatch(/subnets\/Subnet-1$/);
    expect(JSON.stringify(created)).not.toContain("password-of-the-server");
    const names: (string | undefined)[] = [];
    for await (const { name } of client.fileServers.listByWorkspace("group", "work")) names.push(name);
    expect(names).toEqual(["server"]);
    await client.fileServers.delete("group", "work", "server");
    await expect(client.fileServers.get("group", "work", "server")).rejects.toMatchObject({
      code: "FileServerNotFound",
    });
  });

  it("keep what jobs of all clusters write, below one of their directories too", async () => {
    const server = await client.fileServers.create("group", "work", "shared", parameters);
    await makeCluster("whole", server.id);
    await makeCluster("part", server.id, "projects/one");
    expect(await embedded.cluster("whole")).toMatchObject({ subnet: server.subnet });
    const write =
      "mkdir -p $AZ_BATCHAI_MOUNT_ROOT/nfs/projects/one && echo hello > $AZ_BATCHAI_MOUNT_ROOT/nfs/projects/one/file";
    expect(await embedded.run("write", write, on("whole"))).toMatchObject({ executionState: "succeeded" });
    const read = 'test "$(cat $AZ_BATCHAI_MOUNT_ROOT/nfs/file)" = hello';
    expect(await embedded.run("read", read, on("part"))).toMatchObject({ executionState: "succeeded" });
  });

  it("have no files that the API could list", async () => {
    await embedded.run("logs", "echo text", { ...on("whole"), stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/nfs" });
    const query = { query: "api-version=2018-05-01&outputdirectoryid=stdouterr" };
    const answer = await embedded.arm.send("POST", `${embedded.arm.jobPath("logs")}/listOutputFiles`, undefined, query);
    expect(answer.body.error).toMatchObject({ code: "OutputDirectoryNotOnShare", target: "outputdirectoryid" });
  });

  it("stay while a cluster mounts them; then their data goes with them", async () => {
    const path = embedded.arm.inWorkspace("/fileServers/shared");
    expect((await embedded.arm.send("DELETE", path)).body.error).toMatchObject({ code: "Conflict" });
    for (const cluster of ["whole", "part"]) await client.clusters.delete("group", "work", cluster);
    await client.fileServers.delete("group", "work", "shared");
    const server = await client.fileServers.create("group", "work", "shared", parameters);
    await makeCluster("fresh", server.id);
    const empty = 'test -z "$(ls $AZ_BATCHAI_MOUNT_ROOT/nfs)"';
    expect(await embedded.run("empty", empty, on("fresh"))).toMatchObject({ executionState: "succeeded" });
  });

  it("do not let a link lead out of them", async () => {
    const link = "ln -s / $AZ_BATCHAI_MOUNT_ROOT/nfs/out";
    expect(await embedded.run("link", link, on("fresh"))).toMatchObject({ executionState: "succeeded" });
    const server = await client.fileServers.get("group", "work", "shared");
    await makeCluster("escape", server.id, "out");
    await until("the node is unusable", async () => {
      const { errors } = await embedded.cluster("escape");
      return JSON.stringify(errors ?? []).includes("NFSMountError");
    });
  });

  it("never create a folder behind a link that leads out of them", async () => {
    const outside = join(embedded.folder, "outside");
    await mkdir(outside);
    const link = `ln -s ${outside} $AZ_BATCHAI_MOUNT_ROOT/nfs/beyond`;
    expect(await embedded.run("beyond", link, on("fresh"))).toMatchObject({ executionState: "succeeded" });
    const server = await client.fileServers.get("group", "work", "shared");
    await makeCluster("deep", server.id, "beyond/new/deep");
    await until("the node is unusable", async () => {
      const { errors } = await embedded.cluster("deep");
      return JSON.stringify(errors ?? []).includes("NFSMountError");
    });
    expect(await readdir(outside)).toEqual([]);
    const { errors } = await embedded.cluster("deep");
    expect(JSON.stringify(errors)).toContain("beyond is a symbolic link that leads out of the file server");
  });

  it("go with their workspace", async () => {
    await client.workspaces.delete("group", "work");
    await expect(client.fileServers.get("group", "work", "shared")).rejects.toMatchObject({
      code: "WorkspaceNotFound",
    });
  });
});
