import type { SdkOperation, ServiceName } from './operations.ts';

/** Well-formed, which is all that an emulator asks for. */
const SIGNATURE = `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/test/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`;
const VERSIONS: Readonly<Partial<Record<ServiceName, string>>> = { elbv2: '2015-12-01', sts: '2011-06-15' };

const TARGETS: Readonly<Partial<Record<ServiceName, readonly [prefix: string, version: string]>>> = {
  dynamodb: ['DynamoDB_20120810', '1.0'],
  streams: ['DynamoDBStreams_20120810', '1.0'],
  ecs: ['AmazonEC2ContainerServiceV20141113', '1.1'],
  logs: ['Logs_20140328', '1.1'],
  quotas: ['ServiceQuotasV20190624', '1.1'],
};

/** Calls an operation with an empty input, without an SDK: as any client in any language could. */
export async function callRaw(
  endpoint: string,
  service: ServiceName,
  operation: SdkOperation,
): Promise<{ status: number; body: string }> {
  const { path, method, headers, body } = requestOf(service, operation);
  const init = { method, headers: { authorization: SIGNATURE, ...headers } };
  const response = await fetch(`${endpoint}${path}`, body === undefined ? init : { ...init, body });
  return { status: response.status, body: await response.text() };
}

interface RawRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

function requestOf(service: ServiceName, { name, traits }: SdkOperation): RawRequest {
  const target = TARGETS[service];
  if (target) {
    const [prefix, version] = target;
    const headers = {
      'x-amz-target': `${prefix}.${name}`,
      'content-type': `application/x-amz-json-${version}`,
    };
    return { method: 'POST', path: '/', headers, body: '{}' };
  }
  const version = VERSIONS[service];
  if (version !== undefined) {
    const body = new URLSearchParams({ Action: name, Version: version }).toString();
    return {
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    };
  }
  const [method, template] = (traits && traits.http) || ['POST', '/', 200];
  const path = template.replaceAll(/\{\w+\+?\}/g, 'nobody');
  const headers = { 'content-type': 'application/json' };
  return { method, path, headers, ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }) };
}
