/** The quota store in use: in process, or shared through Redis. */
export const QUOTA_STORE = Symbol('QuotaStore');
