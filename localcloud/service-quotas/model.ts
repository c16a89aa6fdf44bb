import {
  type GetServiceQuotaCommandInput,
  type GetServiceQuotaCommandOutput,
  IllegalArgumentException,
  InvalidPaginationTokenException,
  type ListServiceQuotasCommandInput,
  type ListServiceQuotasCommandOutput,
  NoSuchResourceException,
  type ServiceQuota,
} from '@aws-sdk/client-service-quotas';

type Answer<T> = Promise<Omit<T, '$metadata'>>;

export interface ServiceQuotasModelDeps {
  /** What Fargate may run at once, in vCPU, on demand and on Spot each. */
  vcpus: number;
}

const SERVICE = { ServiceCode: 'fargate', ServiceName: 'AWS Fargate' };
const $metadata = {};
const MAX_PAGE = 100;

/**
 * Service Quotas, as far as Fargate's vCPUs go. Every other quota that localcloud holds to is fixed, or is told by
 * Elastic Load Balancing itself. Not modelled: requests for more.
 */
export class ServiceQuotasModel {
  readonly #quotas: readonly ServiceQuota[];

  constructor({ vcpus }: ServiceQuotasModelDeps) {
    this.#quotas = [
      quota('L-3032A538', 'Fargate On-Demand vCPU resource count', vcpus),
      quota('L-36FBB829', 'Fargate Spot vCPU resource count', vcpus),
    ];
  }

  async getServiceQuota({
    ServiceCode,
    QuotaCode,
  }: GetServiceQuotaCommandInput): Answer<GetServiceQuotaCommandOutput> {
    const Quota = this.#of(ServiceCode).find((one) => one.QuotaCode === QuotaCode);
    if (!Quota) throw notFound('quota');
    return { Quota };
  }

  /** Two quotas are one page, whatever its size. */
  async listServiceQuotas({
    ServiceCode,
    MaxResults = MAX_PAGE,
    NextToken,
  }: ListServiceQuotasCommandInput): Answer<ListServiceQuotasCommandOutput> {
    if (NextToken !== undefined)
      throw new InvalidPaginationTokenException({ $metadata, message: 'Invalid NextToken' });
    if (MaxResults < 1 || MaxResults > MAX_PAGE) {
      const message = `MaxResults must be between 1 and ${MAX_PAGE}`;
      throw new IllegalArgumentException({ $metadata, message });
    }
    return { Quotas: [...this.#of(ServiceCode)] };
  }

  #of(service: string | undefined): readonly ServiceQuota[] {
    if (service !== SERVICE.ServiceCode) throw notFound('service');
    return this.#quotas;
  }
}

function quota(QuotaCode: string, QuotaName: string, Value: number): ServiceQuota {
  return {
    ...SERVICE,
    QuotaArn: `arn:aws:servicequotas:us-east-1:000000000000:fargate/${QuotaCode}`,
    QuotaCode,
    QuotaName,
    Value,
    Unit: 'None',
    Adjustable: true,
    GlobalQuota: false,
  };
}

function notFound(what: string): NoSuchResourceException {
  const message = `The request failed because the specified ${what} does not exist.`;
  return new NoSuchResourceException({ $metadata, message });
}
