import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ArmCaller, clusterBody } from "./arm.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";
import { until } from "../until.ts";

const secrets = {
  password: "the-password-of-the-admin",
  variable: "the-value-of-a-secret-variable",
  setup: "the-secret-of-the-setup-task",
  registry: "the-password-of-the-registry",
};

it("never shows a secret: not in answers, logs, files of the service, or process lists", async () => {
  await withFolder(async (folder) => {
    const service = await ServiceProcess.start(folder, ["--ignore-container-settings"]);
    const arm = new ArmCaller(service.connection);
    const { accountName, accountKey } = service.connection.storage;
    const share = {
      accountName,
      azureFileUrl: `https://${accountName}.file.core.windows.net/none`,
      credentials: { accountKey },
      relativeMountPath: "none",
    };
    await arm.prepare(0);
    const nodeSetup = {
      mountVolumes: { azureFileShares: [share] },
      setupTask: {
        commandLine: "true",
        stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/none",
        secrets: [{ name: "S", value: secrets.setup }],
      },
    };
    const userAccountSettings = { adminUserName: "demo", adminUserPassword: secrets.password };
    await arm.expect("PUT", arm.inWorkspace("/clusters/secret"), clusterBody(1, { nodeSetup, userAccountSettings }));
    await arm.expect("PATCH", arm.inWorkspace("/clusters/nodes"), {
      properties: { scaleSettings: { manual: { targetNodeCount: 1 } } },
    });
    const credentials = { username: "me", password: secrets.registry };
    const started = join(folder, "started");
    const job = arm.jobBody(`test -n "$HIDDEN" && touch ${started} && sleep 600`, {
      secrets: [{ name: "HIDDEN", value: secrets.variable }],
      containerSettings: { imageSourceRegistry: { image: "ubuntu", credentials } },
    });
    await arm.expect("PUT", arm.jobPath("job"), job);
    await until("the job runs", () => existsSync(started));

    const answers: string[] = [];
    for (const path of ["/clusters", "/clusters/secret", "/experiments/exp/jobs", "/experiments/exp/jobs/job"]) {
      answers.push((await arm.expect("GET", arm.inWorkspace(path))).text);
    }
    answers.push((await arm.expect("PUT", arm.jobPath("job"), job)).text);
    const found = {
      answers: answers.join(""),
      log: service.output,
      processes: commandLines(),
      files: contents(folder),
    };
    await arm.expect("DELETE", arm.jobPath("job"));
    await until("the job is gone", async () => (await arm.send("GET", arm.jobPath("job"))).status === 404);
    await service.stop();

    const afterwards = { ...found, log: service.output, files: contents(folder) };
    for (const [where, text] of Object.entries({
      ...found,
      stoppedLog: afterwards.log,
      stoppedFiles: afterwards.files,
    })) {
      for (const [name, secret] of Object.entries({ ...secrets, accountKey, token: service.connection.token })) {
        expect.soft(text.includes(secret), `${name} in ${where}`).toBe(false);
      }
    }
    expect(found.files.length).toBeGreaterThan(10_000);
  });
});

it("keeps its files to itself, and the connection file only while it runs", async () => {
  await withFolder(async (folder) => {
    const service = await ServiceProcess.start(join(folder, "data"));
    const modes = ["connection.json", "secret.key"].map((file) => statSync(join(service.dataDir, file)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600]);
    expect(statSync(service.dataDir).mode & 0o077).toBe(0);
    expect(await service.stop()).toBe(0);
    expect(readdirSync(service.dataDir)).not.toContain("connection.json");
  });
});

/** All that lies in a folder, but for the files whose purpose is to hold a secret. */
function contents(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .filter(({ name }) => name !== "connection.json")
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1"))
    .join("\n");
}

/** Command lines of all processes: anyone on the machine can read them. */
function commandLines(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    })
    .join("\n");
}
