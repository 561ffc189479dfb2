import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { IdentityProviderService } from '@zitadel/proto/zitadel/idp/v2/idp_service_pb.js';
import { OrganizationService } from '@zitadel/proto/zitadel/org/v2/org_service_pb.js';
import { SessionService } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { SessionService as SessionServiceBeta } from '@zitadel/proto/zitadel/session/v2beta/session_service_pb.js';
import { SettingsService } from '@zitadel/proto/zitadel/settings/v2/settings_service_pb.js';
import { SettingsService as SettingsServiceBeta } from '@zitadel/proto/zitadel/settings/v2beta/settings_service_pb.js';
import { UserService } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { UserService as UserServiceBeta } from '@zitadel/proto/zitadel/user/v2beta/user_service_pb.js';

/** The services whose messages `@zitadel/proto` describes. The organisations of v2beta have other messages there than those that we answer in. */
const SERVICES: readonly DescService[] = [
  SessionService,
  SessionServiceBeta,
  UserService,
  UserServiceBeta,
  SettingsService,
  SettingsServiceBeta,
  IdentityProviderService,
  OrganizationService,
];

/** The messages of an RPC (`zitadel.session.v2.SessionService/SetSession`), if they are described. */
export function methodOf(rpc: string): DescMethod | undefined {
  const [service, name] = rpc.split('/');
  return SERVICES.find(({ typeName }) => typeName === service)?.methods.find((method) => method.name === name);
}
