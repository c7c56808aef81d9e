import http from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArmCaller, clusterBody } from "./arm.ts";
import { ServiceProcess } from "./serviceProcess.ts";
import { until } from "../until.ts";

let folder: string;
let service: ServiceProcess;
let arm: ArmCaller;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-"));
  service = await ServiceProcess.start(folder);
  arm = new ArmCaller(service.connection);
  await arm.prepare();
  // What still goes on would look like a change that a refused request has made.
  await until("the node is idle", async () => {
    const { properties } = (await arm.expect("GET", arm.inWorkspace("/clusters/nodes"))).body;
    return properties?.allocationState === "steady" && JSON.stringify(properties).includes('"idleNodeCount":1');
  });
});

afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Sends a request that has to be refused, checks the form of the refusal, and that nothing was changed by it. */
async function refused(
  method: string,
  path: string,
  body?: unknown,
  more?: { headers?: Record<string, string>; query?: string },
): Promise<{ status: number; code: string; message: string; target: string | undefined }> {
  const before = await everything();
  const answer = await arm.send(method, path, body, more);
  expect(await everything()).toEqual(before);
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(answer.text).not.toMatch(/ at .*\.ts:|node_modules|SQLITE/);
  expect(Object.keys(answer.body)).toEqual(["error"]);
  const { code = "", message = "", target } = answer.body.error ?? {};
  expect(message.length).toBeGreaterThan(10);
  return { status: answer.status, code, message, target };
}

async function everything(): Promise<string> {
  const lists = ["/clusters", "/experiments", "/experiments/exp/jobs", "/fileServers"].map((list) =>
    arm.inWorkspace(list),
  );
  const paths = [
    arm.inSubscription("/resourceGroups"),
    arm.inSubscription("/providers/Microsoft.BatchAI/workspaces"),
    ...lists,
  ];
  const answers = await Promise.all(paths.map((path) => arm.expect("GET", path)));
  const withoutStates = (key: string, value: unknown) => (/State|Count|Time/.test(key) ? undefined : value);
  return JSON.stringify(
    answers.map((answer) => answer.body),
    withoutStates,
  );
}

describe("who may call", () => {
  it("refuses a request without a token", async () => {
    const answer = await refused("GET", arm.inWorkspace(), undefined, { headers: { authorization: "" } });
    expect(answer).toMatchObject({ status: 401, code: "AuthenticationFailed" });
  });

  it("refuses a wrong token and does not repeat it", async () => {
    const answer = await refused("GET", arm.inWorkspace(), undefined, {
      headers: { authorization: "Bearer wrong-token-xyz" },
    });
    expect(answer).toMatchObject({ status: 401, code: "InvalidAuthenticationToken" });
    expect(answer.message).not.toContain("wrong-token-xyz");
    expect(service.output).not.toContain("wrong-token-xyz");
  });

  it("refuses a name of another machine in the Host header", async () => {
    const { hostname, port } = new URL(service.connection.endpoint);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: "evil.example", authorization: `Bearer ${service.connection.token}` };
      http
        .get({ hostname, port, path: `${arm.inWorkspace()}?api-version=2018-05-01`, headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
        .on("error", reject);
    });
    expect(status).toBe(403);
  });

  it("refuses another subscription", async () => {
    const answer = await refused("GET", "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups");
    expect(answer).toMatchObject({ status: 404, code: "SubscriptionNotFound" });
  });
});

describe("addresses and versions", () => {
  it.each([
    ["", "MissingApiVersionParameter"],
    ["api-version=2017-09-01-preview", "NoRegisteredProviderFound"],
    ["api-version=soon", "NoRegisteredProviderFound"],
  ])("refuses api-version %j", async (query, code) => {
    expect(await refused("GET", arm.inWorkspace(), undefined, { query })).toMatchObject({
      status: 400,
      code,
      target: "api-version",
    });
  });

  it("refuses an unknown path", async () => {
    expect(await refused("GET", arm.inWorkspace("/machines"))).toMatchObject({ status: 404, code: "NotFound" });
  });

  it.each([
    [(a: ArmCaller) => a.inWorkspace("/clusters/no.dots"), "clusterName"],
    [(a: ArmCaller) => a.inWorkspace(`/clusters/${"x".repeat(65)}`), "clusterName"],
    [(a: ArmCaller) => a.inWorkspace("/clusters/a%2Fb"), "clusterName"],
    [(a: ArmCaller) => a.inWorkspace("/clusters/%00"), "clusterName"],
  ])("refuses the bad name in %s", async (path, target) => {
    const answer = await refused("PUT", path(arm), clusterBody(1));
    expect(answer).toMatchObject({ status: 400, code: "InvalidResourceName", target });
  });

  it("names what is missing on the way", async () => {
    const missing = arm.inSubscription("/resourceGroups/nowhere/providers/Microsoft.BatchAI/workspaces/work");
    expect(await refused("GET", missing)).toMatchObject({ status: 404, code: "ResourceGroupNotFound" });
    expect(await refused("GET", arm.inWorkspace("/clusters/none"))).toMatchObject({
      status: 404,
      code: "ClusterNotFound",
      message: "The specified cluster none is not found",
    });
    expect(await refused("GET", arm.inWorkspace("/experiments/none/jobs/job"))).toMatchObject({
      code: "ExperimentNotFound",
    });
    expect(await refused("GET", arm.jobPath("none"))).toMatchObject({ code: "JobNotFound" });
    expect(await refused("GET", arm.inWorkspace("/fileServers/none"))).toMatchObject({ code: "FileServerNotFound" });
  });

  it("refuses paging parameters out of range", async () => {
    for (const query of ["maxresults=0", "maxresults=1001", "maxresults=two", "$skiptoken=%00"]) {
      const answer = await refused("GET", arm.inWorkspace("/clusters"), undefined, {
        query: `api-version=2018-05-01&${query}`,
      });
      expect(answer).toMatchObject({ status: 400, code: "InvalidParameter", target: query.replace(/=.*/, "") });
    }
  });
});

describe("bodies", () => {
  it("refuses malformed JSON and bodies that are no object", async () => {
    const path = arm.inWorkspace("/clusters/bad");
    for (const body of ["{", "[]", "7", "null", ""]) {
      expect(await refused("PUT", path, body)).toMatchObject({
        status: 400,
        code: "InvalidRequestContent",
        target: "body",
      });
    }
  });

  it.each([
    ['{\n  "location": eastus\n}', "line 2, column 15: Unexpected token 'e'."],
    ['{ "location": "eastus", }', "line 1, column 25: Expected double-quoted property name."],
    ['{ "location": "eastus"', "line 1, column 23: Expected ',' or '}' after property value."],
  ])("says where %j is no JSON", async (body, place) => {
    const answer = await refused("PUT", arm.inWorkspace("/clusters/bad"), body);
    expect(answer).toMatchObject({ status: 400, code: "InvalidRequestContent", target: "body" });
    expect(answer.message).toBe(`The body of the request is not valid JSON at ${place}`);
  });

  it("refuses a body that is too large", async () => {
    const answer = await refused("PUT", arm.inWorkspace("/clusters/bad"), JSON.stringify({ x: "y".repeat(5_000_000) }));
    expect(answer).toMatchObject({ status: 413, code: "RequestBodyTooLarge" });
  });

  it.each([
    [{}, "properties.vmSize"],
    [{ properties: "x" }, "properties"],
    [clusterBody(1, { vmSize: 6 }), "properties.vmSize"],
    [clusterBody(1, { userAccountSettings: { adminUserName: "me" } }), "properties.userAccountSettings"],
    [clusterBody(1, { userAccountSettings: undefined }), "properties.userAccountSettings"],
    [clusterBody(1, { scaleSettings: {} }), "properties.scaleSettings"],
    [
      clusterBody(1, { scaleSettings: { manual: { targetNodeCount: -1 } } }),
      "properties.scaleSettings.manual.targetNodeCount",
    ],
    [
      clusterBody(1, { scaleSettings: { manual: { targetNodeCount: "two" } } }),
      "properties.scaleSettings.manual.targetNodeCount",
    ],
    [clusterBody(101), "properties.scaleSettings.manual.targetNodeCount"],
    [
      clusterBody(1, { scaleSettings: { autoScale: { minimumNodeCount: 3, maximumNodeCount: 2 } } }),
      "properties.scaleSettings.autoScale.minimumNodeCount",
    ],
    [clusterBody(1, { vmPriority: "urgent" }), "properties.vmPriority"],
    [
      clusterBody(1, { nodeSetup: { mountVolumes: { azureBlobFileSystems: [blob] } } }),
      "properties.nodeSetup.mountVolumes.azureBlobFileSystems[0].containerName",
    ],
    [
      clusterBody(1, { nodeSetup: { mountVolumes: { azureFileShares: [share("a"), share("a/b")] } } }),
      "properties.nodeSetup.mountVolumes.azureFileShares[1].relativeMountPath",
    ],
    [
      clusterBody(1, {
        nodeSetup: { mountVolumes: { azureFileShares: [share("a")], fileServers: [fileServer("./a//b/")] } },
      }),
      "properties.nodeSetup.mountVolumes.fileServers[0].relativeMountPath",
    ],
  ])("names the property of a bad cluster (%#)", async (body, target) => {
    const answer = await refused("PUT", arm.inWorkspace("/clusters/bad"), body);
    expect(answer).toMatchObject({ status: 400, code: "InvalidParameter", target });
  });

  const setupTask = { commandLine: "true", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
  it.each([
    [{ stdOutErrPathPrefix: "logs" }, "stdOutErrPathPrefix"],
    [{ stdOutErrPathPrefix: "$NOWHERE/logs" }, "stdOutErrPathPrefix"],
    [{ stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs" }, "stdOutErrPathPrefix"],
    [{ stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/../logs" }, "stdOutErrPathPrefix"],
    [{ environmentVariables: [{ name: "AZ_BATCHAI_MOUNT_ROOT", value: "/tmp" }] }, "environmentVariables[0].name"],
    [{ secrets: [{ name: "AZ_BATCHAI_STDOUTERR_DIR", value: "/tmp" }] }, "secrets[0].name"],
    [{ environmentVariables: [{ name: "A", value: "" }], secrets: [{ name: "A", value: "" }] }, "secrets[0].name"],
  ])("names the property of a bad setup task, and does not speak of jobs: %j", async (properties, property) => {
    const nodeSetup = { setupTask: { ...setupTask, ...properties } };
    const answer = await refused("PUT", arm.inWorkspace("/clusters/bad"), clusterBody(1, { nodeSetup }));
    const target = `properties.nodeSetup.setupTask.${property}`;
    expect(answer).toMatchObject({ status: 400, code: "InvalidParameter", target });
    expect(answer.message).not.toMatch(/\bjobs?\b/i);
  });

  it.each([
    [{ nodeCount: 0 }, "properties.nodeCount"],
    [{ nodeCount: undefined }, "properties.nodeCount"],
    [{ stdOutErrPathPrefix: undefined }, "properties.stdOutErrPathPrefix"],
    [{ stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/../../etc" }, "properties.stdOutErrPathPrefix"],
    [{ stdOutErrPathPrefix: "$AZ_BATCHAI_NOWHERE/x" }, "properties.stdOutErrPathPrefix"],
    [{ customToolkitSettings: undefined }, "properties.customToolkitSettings"],
    [{ cntkSettings: { pythonScriptFilePath: "a.py" } }, "properties.customToolkitSettings"],
    [
      { customToolkitSettings: undefined, horovodSettings: { pythonScriptFilePath: "" } },
      "properties.horovodSettings.pythonScriptFilePath",
    ],
    [
      { customToolkitSettings: undefined, pyTorchSettings: { pythonScriptFilePath: "a.py", processCount: 100_000 } },
      "properties.pyTorchSettings.processCount",
    ],
    [
      { customToolkitSettings: undefined, tensorFlowSettings: { pythonScriptFilePath: "a", parameterServerCount: 2 } },
      "properties.tensorFlowSettings.parameterServerCount",
    ],
    [
      { customToolkitSettings: undefined, customMpiSettings: { commandLine: "a", processCount: 0 } },
      "properties.customMpiSettings.processCount",
    ],
    [{ cluster: { id: "nodes" } }, "properties.cluster.id"],
    [{ cluster: undefined }, "properties.cluster.id"],
    [{ constraints: { maxWallClockTime: "soon" } }, "properties.constraints.maxWallClockTime"],
    [{ environmentVariables: [{ name: "A=B", value: "" }] }, "properties.environmentVariables[0].name"],
    [{ secrets: [{ name: "A" }] }, "properties.secrets[0].value"],
    [
      { outputDirectories: [{ id: "M", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT", pathSuffix: "../../x" }] },
      "properties.outputDirectories[0].pathSuffix",
    ],
    [
      { outputDirectories: [{ id: "stdouterr", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" }] },
      "properties.outputDirectories[0].id",
    ],
    [
      { mountVolumes: { azureFileShares: [share("../up")] } },
      "properties.mountVolumes.azureFileShares[0].relativeMountPath",
    ],
    [
      { mountVolumes: { azureFileShares: [share("a")], fileServers: [fileServer("a/b")] } },
      "properties.mountVolumes.fileServers[0].relativeMountPath",
    ],
    [
      { mountVolumes: { azureFileShares: [share("a/b"), share("./a")] } },
      "properties.mountVolumes.azureFileShares[1].relativeMountPath",
    ],
    [
      {
        outputDirectories: [{ id: "M", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" }],
        secrets: [{ name: "AZ_BATCHAI_OUTPUT_M", value: "/tmp/elsewhere" }],
      },
      "properties.secrets[0].name",
    ],
    [{ secrets: [{ name: "AZ_BATCHAI_NUM_GPUS", value: "8" }] }, "properties.secrets[0].name"],
    [
      { environmentVariables: [{ name: "A", value: "" }], secrets: [{ name: "A", value: "" }] },
      "properties.secrets[0].name",
    ],
  ])("names the property of a bad job: %j", async (properties, target) => {
    const answer = await refused("PUT", arm.jobPath("bad"), arm.jobBody("true", properties));
    expect(answer).toMatchObject({ status: 400, code: "InvalidParameter" });
    expect(answer.target).toContain(target.split(".id")[0]);
  });

  it("refuses a job on a cluster that does not exist", async () => {
    const answer = await refused(
      "PUT",
      arm.jobPath("bad"),
      arm.jobBody("true", { cluster: { id: arm.inWorkspace("/clusters/none") } }),
    );
    expect(answer).toMatchObject({ status: 404, code: "ClusterNotFound", target: "properties.cluster.id" });
  });

  it("names the property of a bad file server", async () => {
    const path = arm.inWorkspace("/fileServers/bad");
    const dataDisks = { diskSizeInGB: 10, diskCount: 1, storageAccountType: "Standard_LRS" };
    const sshConfiguration = { userAccountSettings: { adminUserName: "me" } };
    const good = { vmSize: "STANDARD_D1", sshConfiguration, dataDisks };
    const wrong = [
      [{ ...good, vmSize: undefined }, "properties.vmSize"],
      [good, "properties.sshConfiguration.userAccountSettings"],
      [{ ...good, dataDisks: { ...dataDisks, diskCount: 0 } }, "properties.dataDisks.diskCount"],
    ] as const;
    for (const [properties, target] of wrong) {
      expect(await refused("PUT", path, { properties })).toMatchObject({
        status: 400,
        code: "InvalidParameter",
        target,
      });
    }
  });

  it("refuses to mount a file server that does not exist, or a directory beyond one", async () => {
    const mount = (id: string, sourceDirectory: string) => ({
      mountVolumes: { fileServers: [{ fileServer: { id }, sourceDirectory, relativeMountPath: "nfs" }] },
    });
    const id = arm.inWorkspace("/fileservers/none");
    const path = "properties.mountVolumes.fileServers[0]";
    expect(await refused("PUT", arm.jobPath("bad"), arm.jobBody("true", mount(id, "x")))).toMatchObject({
      status: 404,
      code: "FileServerNotFound",
      target: `${path}.fileServer.id`,
    });
    expect(await refused("PUT", arm.jobPath("bad"), arm.jobBody("true", mount(id, "../x")))).toMatchObject({
      target: `${path}.sourceDirectory`,
    });
    expect(await refused("PUT", arm.jobPath("bad"), arm.jobBody("true", mount("none", "x")))).toMatchObject({
      target: `${path}.fileServer.id`,
    });
  });

  it("refuses to create again what exists with other properties", async () => {
    const answer = await refused("PUT", arm.inWorkspace("/clusters/nodes"), clusterBody(1, { vmSize: "STANDARD_D1" }));
    expect(answer).toMatchObject({ status: 409, code: "Conflict" });
    expect(await refused("PUT", arm.inWorkspace(), { location: "westus" })).toMatchObject({
      status: 409,
      target: "location",
    });
  });

  it("never repeats a secret of a bad request", async () => {
    const nodeSetup = { mountVolumes: { azureFileShares: [{ ...share("s"), azureFileUrl: 7 }] } };
    const answer = await refused("PUT", arm.inWorkspace("/clusters/bad"), clusterBody(1, { nodeSetup, vmSize: 1 }));
    expect(answer.message).not.toContain("key-of-the-account");
    expect(answer.message).not.toContain("pass-word-of-the-admin");
  });
});

describe("output files", () => {
  it("refuses a directory that leaves its share, and an unknown id", async () => {
    await arm.expect("PUT", arm.jobPath("listed"), arm.jobBody("true"));
    await until("the job has ended", async () => (await arm.job("listed")).executionState === "succeeded");
    const list = `${arm.jobPath("listed")}/listOutputFiles`;
    const query = (rest: string) => ({ query: `api-version=2018-05-01&${rest}` });
    expect(await refused("POST", list)).toMatchObject({ status: 400, target: "outputdirectoryid" });
    expect(await refused("POST", list, undefined, query("outputdirectoryid=none"))).toMatchObject({
      status: 404,
      code: "OutputDirectoryNotFound",
    });
    for (const directory of ["../..", "a/../../b", "%2E%2E/x", "/etc"]) {
      const answer = await refused(
        "POST",
        list,
        undefined,
        query(`outputdirectoryid=stdouterr&directory=${directory}`),
      );
      expect(answer).toMatchObject({ status: 400, target: "directory" });
    }
    const answer = await refused("POST", list, undefined, query("outputdirectoryid=stdouterr&linkexpiryinminutes=601"));
    expect(answer).toMatchObject({ status: 400, target: "linkexpiryinminutes" });
  });
});

const blob = { accountName: "acct", containerName: "$root", credentials: { accountKey: "k" }, relativeMountPath: "b" };

function fileServer(relativeMountPath: string): Record<string, unknown> {
  const workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w";
  return { fileServer: { id: `${workspace}/fileservers/server` }, relativeMountPath };
}

function share(relativeMountPath: string): Record<string, unknown> {
  return {
    accountName: "batchaistorage",
    azureFileUrl: "https://batchaistorage.file.core.windows.net/share",
    credentials: { accountKey: "key-of-the-account" },
    relativeMountPath,
  };
}
