import { faultDirectory } from './fault-directory.ts';
import { faultDisk } from './fault-disk.ts';
import { faultMail } from './fault-mail.ts';
import { faultProvider } from './fault-provider.ts';
import type { Report } from './report.ts';

const FAULTS = [faultMail, faultProvider, faultDirectory, faultDisk];

/** What Sallyport leans on fails, one thing after the other: the peer that takes the mail, identity providers, D1, the disk. */
export async function faults(bundle: string): Promise<Report> {
  const reports: Report[] = [];
  for (const fault of FAULTS) reports.push(await fault(bundle));
  return { figures: reports.map(({ figures }) => figures).join('; '), faults: reports.flatMap((report) => report.faults) };
}
