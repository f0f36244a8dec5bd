// sdk.mjs - one call of the AWS SDK for JavaScript v3, as JSON in and out
//
//   node sdk.mjs '{"endpoint", "region", "key", "secret",
//                  "client", "command", "input", "cbor"}'
//
// Prints {"ok", "error", "status"}: the SDK knows the identity modes that
// Debian's boto3 does not.
//
// SPDX-License-Identifier: Apache-2.0
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

const job = JSON.parse(process.argv[2], revive);
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
let result;
try {
  const ok = await client.send(new from[`${job.command}Command`](job.input));
  result = { ok, status: ok.$metadata.httpStatusCode };
} catch (error) {
  result = {
    error: error.name,
    message: error.message,
    status: error.$metadata?.httpStatusCode,
  };
}
console.log(JSON.stringify(result));
