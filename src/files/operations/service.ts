import { readDocument } from "../http/requestDocument.ts";
import { parseServiceProperties, servicePropertiesXml } from "../http/serviceDocument.ts";
import { servicePropertiesOf, setServiceProperties } from "../records/serviceProperties.ts";
import { respond, respondXml } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";

function getServiceProperties(exchange: Exchange): void {
  respondXml(exchange, servicePropertiesXml(servicePropertiesOf(exchange.storage, exchange.request.account)));
}

async function changeServiceProperties(exchange: Exchange): Promise<void> {
  const { request, response, storage } = exchange;
  const changed = await parseServiceProperties(await readDocument(request, response));
  setServiceProperties(storage, request.account, changed);
  respond(exchange, 202, {});
}

const onService = { level: "service", resourceType: "s", comp: "properties" } as const;

/** Operations on the settings of an account's file service. */
export const serviceOperations: readonly StorageOperation[] = [
  { ...onService, methods: ["GET"], permissions: "r", run: getServiceProperties },
  { ...onService, methods: ["PUT"], permissions: "w", run: changeServiceProperties },
];
