import { readDocument } from "../http/body.ts";
import { parseServiceProperties, servicePropertiesXml } from "../http/serviceDocument.ts";
import { servicePropertiesOf, setServiceProperties } from "../records/serviceProperties.ts";
import { answer, answerXml } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

function getServiceProperties(exchange: Exchange): void {
  answerXml(exchange, servicePropertiesXml(servicePropertiesOf(exchange.storage, exchange.request.account)));
}

async function changeServiceProperties(exchange: Exchange): Promise<void> {
  const { request, response, storage } = exchange;
  const changed = await parseServiceProperties(await readDocument(request, response));
  setServiceProperties(storage, request.account, changed);
  answer(exchange, 202, {});
}

const onService = { level: "service", resourceType: "s", comp: "properties" } as const;

/** Operations on the settings of an account's file service. */
export const serviceOperations: readonly Operation[] = [
  { ...onService, methods: ["GET"], permissions: "r", run: getServiceProperties },
  { ...onService, methods: ["PUT"], permissions: "w", run: changeServiceProperties },
];
