import * as cluster from "../../src/wire/tables/cluster.ts";
import * as containerSettings from "../../src/wire/tables/containerSettings.ts";
import * as environment from "../../src/wire/tables/environment.ts";
import * as error from "../../src/wire/tables/error.ts";
import * as experiment from "../../src/wire/tables/experiment.ts";
import * as file from "../../src/wire/tables/file.ts";
import * as fileServer from "../../src/wire/tables/fileServer.ts";
import * as job from "../../src/wire/tables/job.ts";
import * as mountVolumes from "../../src/wire/tables/mountVolumes.ts";
import * as operation from "../../src/wire/tables/operation.ts";
import * as remoteLoginInformation from "../../src/wire/tables/remoteLoginInformation.ts";
import * as resource from "../../src/wire/tables/resource.ts";
import type { AnyModel } from "../../src/wire/schema.ts";
import * as secret from "../../src/wire/tables/secret.ts";
import * as toolkitSettings from "../../src/wire/tables/toolkitSettings.ts";
import * as usage from "../../src/wire/tables/usage.ts";
import * as userAccountSettings from "../../src/wire/tables/userAccountSettings.ts";
import * as workspace from "../../src/wire/tables/workspace.ts";

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
  return typeof value === "object" && value !== null && "properties" in value && "members" in value;
}

/** Every table of the wire, by the name of its model. */
export const allTables: ReadonlyMap<string, AnyModel> = new Map(
  files
    .flatMap((exports) => Object.values(exports).filter(isModel))
    .map((table): [string, AnyModel] => [table.name, table]),
);
