// sdk.mjs - calls of the AWS SDK for JavaScript v3, as JSON in and out
//
// Reads a job a line, {"endpoint", "region", "key", "secret", "client",
// "command", "input", "cbor"}, and answers each with a line, {"ok", "error",
// "message", "status"}.  The SDK knows the identity modes that Debian's boto3
// does not.
//
// SPDX-License-Identifier: Apache-2.0
import * as readline from 'node:readline';
import * as metering from '@aws-sdk/client-marketplace-metering';
import * as entitlement from '@aws-sdk/client-marketplace-entitlement-service';
import * as cloudtrail from '@aws-sdk/client-cloudtrail';
import * as apigateway from '@aws-sdk/client-api-gateway';
import { SmithyRpcV2CborProtocol } from '@smithy/core/cbor';

const packages = { metering, entitlement, cloudtrail, apigateway };
const clients = {
  metering: 'MarketplaceMeteringClient',
  entitlement: 'MarketplaceEntitlementServiceClient',
  cloudtrail: 'CloudTrailClient',
  apigateway: 'APIGatewayClient',
};

// JSON has no dates: members whose name ends in Timestamp or Date are ones.
function revive(name, value) {
  return /(Timestamp|Date|Time)$/.test(name) && typeof value === 'number'
    ? new Date(value * 1000) : value;
}

async function call(job) {
  const from = packages[job.client];
  const client = new from[clients[job.client]]({
    endpoint: job.endpoint,
    region: job.region,
    credentials: { accessKeyId: job.key, secretAccessKey: job.secret },
    maxAttempts: 1,
    ...(job.cbor ? {
      protocol: SmithyRpcV2CborProtocol,
    } : {}),
  });
  try {
    const ok = await client.send(new from[`${job.command}Command`](job.input));
    return { ok, status: ok.$metadata.httpStatusCode };
  } catch (error) {
    return {
      error: error.name,
      message: error.message,
      status: error.$metadata?.httpStatusCode,
    };
  } finally {
    client.destroy();
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(line, revive))));
}
