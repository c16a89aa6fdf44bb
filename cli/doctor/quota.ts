/** The share of a quota from which on it is worth a word. */
export const NEARLY = 0.8;

/** Asks AWS for more of what it counts under `name`. Its code is looked up: AWS writes it down nowhere but there. */
export function raiseQuota(service: string, name: string, value: number, region: string): string {
  const at = `--service-code ${service} --region ${region}`;
  const code = `aws service-quotas list-service-quotas ${at} --query "Quotas[?QuotaName=='${name}'].QuotaCode" --output text`;
  return `aws service-quotas request-service-quota-increase ${at} --desired-value ${value} --quota-code $(${code})`;
}
