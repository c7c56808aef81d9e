import * as cluster from "../../src/wire/cluster.ts";
import * as containerSettings from "../../src/wire/containerSettings.ts";
import * as environment from "../../src/wire/environment.ts";
import * as error from "../../src/wire/error.ts";
import * as experiment from "../../src/wire/experiment.ts";
import * as file from "../../src/wire/file.ts";
import * as fileServer from "../../src/wire/fileServer.ts";
import * as job from "../../src/wire/job.ts";
import * as mountVolumes from "../../src/wire/mountVolumes.ts";
import * as operation from "../../src/wire/operation.ts";
import * as remoteLoginInformation from "../../src/wire/remoteLoginInformation.ts";
import * as resource from "../../src/wire/resource.ts";
import type { AnyModel } from "../../src/wire/schema.ts";
import * as secret from "../../src/wire/secret.ts";
import * as toolkitSettings from "../../src/wire/toolkitSettings.ts";
import * as usage from "../../src/wire/usage.ts";
import * as userAccountSettings from "../../src/wire/userAccountSettings.ts";
import * as workspace from "../../src/wire/workspace.ts";

const files: object[] = [
  cluster,
  containerSettings,
  environment,
  error,
  experiment,
  file,
  fileServer,
  job,
  mountVolumes,
  operation,
  remoteLoginInformation,
  resource,
  secret,
  toolkitSettings,
  usage,
  userAccountSettings,
  workspace,
];

function isModel(value: unknown): value is AnyModel {
  return typeof value === "object" && value !== null && "properties" in value && "paths" in value;
}

/** Every table of the wire, by the name of its model. */
export const allTables: ReadonlyMap<string, AnyModel> = new Map(
  files
    .flatMap((exports) => Object.values(exports).filter(isModel))
    .map((table): [string, AnyModel] => [table.name, table]),
);
