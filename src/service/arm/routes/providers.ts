import type { FastifyInstance } from "fastify";
import type { ArmContext, ArmRequest } from "../context.ts";
import { ArmError } from "../errors.ts";
import { apiVersion } from "../versions.ts";
import { subscriptionPath } from "./paths.ts";

const resourceTypes = [
  "workspaces",
  "workspaces/clusters",
  "workspaces/fileservers",
  "workspaces/experiments",
  "workspaces/experiments/jobs",
  "operations",
  "locations",
  "locations/operationresults",
  "locations/operationstatuses",
  "locations/usages",
];

/** Registration of the resource provider: here it is always registered. */
export function providerRoutes(app: FastifyInstance, { subscriptionId }: ArmContext): void {
  const providers = `${subscriptionPath}/providers`;
  const provider = {
    id: `/subscriptions/${subscriptionId}/providers/Microsoft.BatchAI`,
    namespace: "Microsoft.BatchAI",
    registrationPolicy: "RegistrationRequired",
    registrationState: "Registered",
    resourceTypes: resourceTypes.map((resourceType) => ({ resourceType, locations: [], apiVersions: [apiVersion] })),
  };

  app.get(providers, () => ({ value: [provider] }));
  app.get(`${providers}/:namespace`, (request: ArmRequest) => named(request));
  app.post(`${providers}/:namespace/register`, (request: ArmRequest) => named(request));

  function named(request: ArmRequest): typeof provider {
    const namespace = request.params.namespace ?? "";
    if (namespace.toLowerCase() === "microsoft.batchai") return provider;
    throw new ArmError(
      "InvalidResourceNamespace",
      `The resource namespace '${namespace.slice(0, 100)}' is invalid. This service has Microsoft.BatchAI.`,
    );
  }
}
