/** Made of docs/openapi.json by `dev.py check --fix`: what the API takes and answers. */
export interface Agent {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  task: string;
  config: any;
  description: string | null;
  input: any;
  queue: string | null;
  environment: string | null;
  policy: string | null;
  priority: number | null;
  labels: Record<string, string>;
  retry: RetryPolicy | null;
  timeouts: TimeoutPolicy | null;
  then: any;
}
export interface Alert {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  when: "execution_failed" | "failure_rate" | "no_worker" | "question_waiting" | "queue_wait" | "schedule_missed" | "stalled";
  description: string | null;
  task: string | null;
  queue: string | null;
  agent_id: string | null;
  label: string | null;
  fingerprint: string | null;
  schedule: string | null;
  above: number | null;
  measure: "oldest" | "p95";
  window: number;
  at_least: number | null;
  per: "execution" | "fingerprint" | "queue" | "rule" | "schedule" | "task" | null;
  settle: number;
  severity: "critical" | "error" | "info" | "warning";
  channels: Array<string>;
  muted_until: string | null;
  muted_by: string | null;
}
export interface AmendCommand {
  timeouts?: OtherTimeouts;
  priority?: number;
  queue?: string;
  run_at?: string;
  labels?: Record<string, string | null>;
}
export interface AnswerCommand {
  answer: any;
  question_id?: string | null;
}
export interface ApproveCommand {
}
export interface AsOf {
  position: number;
  at: string | null;
}
export interface AttemptView {
  attempt: number;
  life: number;
  status: string;
  reason: string | null;
  worker_id: string | null;
  claims: number;
  started_at: string | null;
  ended_at: string | null;
  duration_ms: number | null;
  error: ErrorView | null;
}
export interface AuditEntry {
  source: string;
  n: number;
  sequence: number;
  project: string;
  at: string;
  actor: string | null;
  action: string;
  kind: string;
  name: string;
  before: any;
  after: any;
  hash: string;
}
export interface AuditFilters {
  source: "execution" | "refusal" | "resource" | null;
  actor: string | null;
  action: string | null;
  kind: string | null;
  name: string | null;
  since: string | null;
  until: string | null;
  cursor: string | null;
  limit: number;
}
export interface AuditPage {
  items: Array<AuditEntry>;
  next_cursor: string | null;
}
export interface BackfillCommand {
  since: string;
  until: string;
  rate?: number;
  preview?: boolean;
}
export interface BackfillView {
  id: string | null;
  count: number;
  since: string;
  until: string;
  seconds: number;
}
export interface BatchBody {
  items: Array<Submission>;
}
export interface BatchResult {
  items: Array<Result>;
}
export interface BranchView {
  on: string;
  task: string;
  status: string;
  life: number;
  execution_id: string | null;
}
export interface Breakdown {
  since: string;
  until: string;
  by: string;
  items: Array<Share>;
}
export interface BreakdownQuery {
  since: string | null;
  until: string | null;
  task: string | null;
  queue: string | null;
  environment: string | null;
  agent_id: string | null;
  team: string | null;
  format: "csv" | "json";
  by: "agent_id" | "environment" | "queue" | "task" | "team" | "version";
  limit: number;
}
export interface BulkCommand {
  action: "cancel" | "move" | "pause" | "reprioritise" | "resume" | "retry";
  filter?: Record<string, any>;
  all?: boolean;
  dry_run?: boolean;
  reason?: string | null;
  from_start?: boolean;
  queue?: string | null;
  priority?: number | null;
  idempotency_key?: string | null;
}
export interface BulkItem {
  execution_id: string;
  outcome: string | null;
  detail: string | null;
  at: string | null;
}
export interface BulkPreview {
  action: string;
  matched: number;
  most: number;
}
export interface BulkView {
  id: string;
  action: string;
  filter: Record<string, any>;
  reason: string | null;
  status: string;
  submitted_by: string | null;
  total: number;
  done: number;
  skipped: number;
  failed: number;
  created_at: string;
  completed_at: string | null;
  links: Record<string, string>;
}
export interface Busy {
  name: string;
  busy_ms: number;
  available_ms: number;
  utilisation: number | null;
}
export interface ByName {
  cursor: string | null;
  limit: number;
  q: string | null;
}
export interface CallTaken {
  execution_id: string;
  duplicate: boolean;
}
export interface CancelCommand {
  reason?: string | null;
}
export interface Cause {
  code: string;
  text: string;
  fix: string | null;
  since: string | null;
  until: string | null;
  who: string | null;
  links: Record<string, string>;
}
export interface Chain {
  source: string;
  entries: number;
  hash: string;
  wrong: number | null;
  why: string | null;
}
export interface ChannelView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  kind: "email" | "slack" | "webhook";
  description: string | null;
  url: string | null;
  to: Array<string>;
  events: Array<string>;
  task: string | null;
  queue: string | null;
  agent_id: string | null;
  label: string | null;
  paused: boolean;
  signed: boolean;
  changing_over: boolean;
  failing_since: string | null;
  disabled_at: string | null;
  disabled_because: string | null;
}
export interface CheckResult {
  name: string;
  ok: boolean;
  reason: string | null;
}
export interface CheckpointView {
  n: number;
  at: string;
  kind: string;
  scope: string;
  name: string;
  key: string;
  attempt: number;
  tries: number;
  duration_ms: number | null;
  result: any;
  current: boolean;
  edited: boolean;
}
export interface ChildrenView {
  total: number;
  completed: number;
  failed: number;
  open: number;
}
export interface ClassDepth {
  waiting: number;
  running: number | null;
  oldest: string | null;
}
export interface Debounce {
  key: string;
  wait: number;
}
export interface DeliveryDetails {
  id: string;
  channel: string;
  type: string;
  status: string;
  created_at: string;
  next_at: string | null;
  tries: number;
  delivered_at: string | null;
  body: string;
  log: Array<TryView>;
}
export interface DeliveryPage {
  items: Array<DeliveryView>;
  next_cursor: string | null;
}
export interface DeliveryQuery {
  status: "delivered" | "dropped" | "failed" | "waiting" | null;
  cursor: string | null;
  limit: number;
}
export interface DeliveryView {
  id: string;
  channel: string;
  type: string;
  status: string;
  created_at: string;
  next_at: string | null;
  tries: number;
  delivered_at: string | null;
}
export interface Difference {
  member: string;
  then: any;
  now: any;
}
export interface DraftView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  title: string | null;
  notes: string | null;
  task: string | null;
  agent: string | null;
  team: string | null;
  input: any;
  run_at: string | null;
  queue: string | null;
  environment: string | null;
  priority: number | null;
  labels: Record<string, string>;
  retry: RetryPolicy | null;
  timeouts: TimeoutPolicy | null;
  then: any;
  depends_on: Array<string>;
  on_failed_dependency: string;
  state: string;
  execution_id: string | null;
  decided_by: string | null;
  decided_at: string | null;
  because: string | null;
  waits_for: Array<string>;
  links: Record<string, string>;
}
export interface DrainCommand {
  exit?: boolean;
}
export interface DryRun {
  name?: string | null;
  module?: string | null;
  input?: Record<string, any>;
}
export interface DryRunView {
  denied: boolean;
  verdicts: Array<Verdict>;
  asked: Array<string>;
}
export interface Enabled {
  name: string;
}
export interface EnvironmentView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  description: string | null;
  variables: Record<string, string>;
  labels: Record<string, string>;
  queues: Array<string>;
  workers: Array<string>;
}
export interface ErrorCount {
  since: string;
  count: number;
}
export interface ErrorGroup {
  fingerprint: string;
  type: string;
  message: string;
  first_seen: string;
  last_seen: string;
  count: number;
  total: number;
  tasks: Array<string>;
  queues: Array<string>;
  versions: Array<string>;
  execution_id: string;
}
export interface ErrorGroupList {
  since: string;
  until: string;
  items: Array<ErrorGroup>;
}
export interface ErrorGroupView {
  fingerprint: string;
  type: string;
  message: string;
  first_seen: string;
  last_seen: string;
  count: number;
  total: number;
  tasks: Array<string>;
  queues: Array<string>;
  versions: Array<string>;
  execution_id: string;
  since: string;
  until: string;
  trend: Array<ErrorCount>;
  open: number;
}
export interface ErrorView {
  type: string;
  message: string;
  stack: string | null;
  retryable: boolean;
  fingerprint: string | null;
}
export interface EventCommand {
  name: string;
  value?: any;
  key?: string | null;
}
export interface EventQuery {
  type: Array<string>;
  status: Array<Status>;
  task: Array<string>;
  queue: Array<string>;
  environment: Array<string>;
  agent_id: Array<string>;
  team: Array<string>;
  execution_id: Array<string>;
  parent: Array<string>;
  label: Array<string>;
  follow: boolean;
  after: number | null;
  limit: number | null;
}
export interface EventTemplate {
  execution_id: string;
  name: string;
  value?: any;
}
export interface ExecutionList {
  items: Array<ExecutionView>;
  next_cursor: string | null;
  as_of: AsOf;
}
export interface ExecutionView {
  id: string;
  task: string;
  task_id: string | null;
  parent_id: string | null;
  root_id: string | null;
  retried_from: string | null;
  agent_id: string | null;
  agent_version: number | null;
  team_id: string | null;
  environment: string | null;
  queue: string;
  priority: number;
  labels: Record<string, string>;
  source: string;
  origin: string | null;
  scheduled_at: string | null;
  submitted_by: string | null;
  status: string;
  reason: string | null;
  waiting_on: Array<WaitView>;
  attempt: number;
  max_attempts: number;
  worker_id: string | null;
  children: ChildrenView | null;
  then: Array<BranchView>;
  triggered_by: TriggeredBy | null;
  progress: Progress | null;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  due_at: string | null;
  timeouts: TimeoutsView;
  queue_wait_ms: number | null;
  duration_ms: number | null;
  input: any;
  output: any;
  error: ErrorView | null;
  trace_id: string | null;
  retention: string;
  task_version: string | null;
  stalled: StallView | null;
  version: number;
  links: Record<string, string>;
}
export interface Explanation {
  id: string;
  status: string;
  reason: string | null;
  at: string;
  causes: Array<Cause>;
  waiting_since: string | null;
  ahead: number | null;
  estimated_start: string | null;
  not_asked: Array<string>;
}
export interface Exported {
  source: "execution" | "refusal" | "resource" | null;
  actor: string | null;
  action: string | null;
  kind: string | null;
  name: string | null;
  since: string | null;
  until: string | null;
  format: "csv" | "ndjson";
}
export interface FieldError {
  pointer: string;
  detail: string;
}
export interface Figures {
  ended: number;
  completed: number;
  failed: number;
  cancelled: number;
  per_hour: number;
  success_rate: number | null;
  duration: Times;
  queue_wait: Times;
}
export interface Filters {
  status: Array<Status>;
  agent_id: string | null;
  team: string | null;
  task: string | null;
  queue: string | null;
  environment: string | null;
  worker: string | null;
  parent: string | null;
  retried_from: string | null;
  label: Array<string>;
  error: string | null;
  stalled: boolean | null;
  since: string | null;
  until: string | null;
  ended_since: string | null;
  ended_until: string | null;
  ended_as: "cancelled" | "completed" | "failed" | null;
  q: string | null;
  cursor: string | null;
  limit: number;
  min_position: number | null;
}
export interface FollowUp {
  task?: string | null;
  agent?: string | null;
  team?: string | null;
  input?: any;
  queue?: string | null;
  environment?: string | null;
  priority?: number | null;
  delay?: number | null;
  labels?: Record<string, string>;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  then?: Then | null;
}
export interface GroupQuery {
  since: string | null;
  until: string | null;
}
export interface GroupsQuery {
  since: string | null;
  until: string | null;
  task: string | null;
  queue: string | null;
  version: string | null;
  limit: number;
  format: "csv" | "json";
}
export interface HealthReport {
  status: string;
  checks: Array<CheckResult>;
}
export interface Hold {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  reason: string | null;
}
export interface HowMany {
  count: number;
}
export interface IncidentPage {
  items: Array<IncidentView>;
  next_cursor: string | null;
}
export interface IncidentQuery {
  open: boolean;
  cursor: string | null;
  limit: number;
}
export interface IncidentView {
  id: string;
  project: string;
  alert: string;
  key: string;
  severity: string;
  opened_at: string;
  last_seen_at: string;
  resolved_at: string | null;
  value: number;
  count: number;
  detail: string;
  execution_id: string | null;
  muted: boolean;
}
export interface Items {
  cursor: string | null;
  limit: number;
  outcome: "done" | "failed" | "open" | "skipped" | null;
}
export interface KeyView {
  id: string;
  name: string;
  scope: string;
  status: "expired" | "open" | "revoked";
  created_at: string;
  created_by: string | null;
  expires_at: string | null;
  updated_at: string | null;
  updated_by: string | null;
  rotated_from: string | null;
}
export interface Limit {
  key: string;
  max?: number | null;
  rate?: number | null;
  per?: number;
  full?: "cancel_oldest" | "drop_newest" | "replace" | "wait";
}
export interface LimitView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  key: string;
  max: number | null;
  rate: number | null;
  per: number | null;
  holders: Array<string>;
  waiting: Array<string>;
  waiting_total: number;
}
export interface Link {
  path: string;
  expires_at: string;
}
export interface LossView {
  kind: string;
  count: number;
  since: string;
  first: Array<string>;
}
export interface MadeKey {
  id: string;
  name: string;
  scope: string;
  status: "expired" | "open" | "revoked";
  created_at: string;
  created_by: string | null;
  expires_at: string | null;
  updated_at: string | null;
  updated_by: string | null;
  rotated_from: string | null;
  key: string;
}
export interface Muted {
  name: string;
  muted_until: string | null;
}
export interface Muting {
  until?: string | null;
  seconds?: number | null;
}
export interface NewAgent {
  name: string;
  task: string;
  config?: any;
  description?: string | null;
  input?: any;
  queue?: string | null;
  environment?: string | null;
  policy?: string | null;
  priority?: number | null;
  labels?: Record<string, string>;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  then?: Then | null;
}
export interface NewAlert {
  name: string;
  when?: "execution_failed" | "failure_rate" | "no_worker" | "question_waiting" | "queue_wait" | "schedule_missed" | "stalled";
  description?: string | null;
  task?: string | null;
  queue?: string | null;
  agent_id?: string | null;
  label?: string | null;
  fingerprint?: string | null;
  schedule?: string | null;
  above?: number | null;
  measure?: "oldest" | "p95";
  window?: number;
  at_least?: number | null;
  per?: "execution" | "fingerprint" | "queue" | "rule" | "schedule" | "task" | null;
  settle?: number;
  severity?: "critical" | "error" | "info" | "warning";
  channels?: Array<string>;
  muted_until?: string | null;
}
export interface NewChannel {
  name: string;
  kind?: "email" | "slack" | "webhook";
  description?: string | null;
  url?: string | null;
  secret?: string | null;
  to?: Array<string>;
  events?: Array<string>;
  task?: string | null;
  queue?: string | null;
  agent_id?: string | null;
  label?: string | null;
  paused?: boolean;
}
export interface NewDraft {
  name: string;
  title?: string | null;
  notes?: string | null;
  task?: string | null;
  agent?: string | null;
  team?: string | null;
  input?: any;
  run_at?: string | null;
  queue?: string | null;
  environment?: string | null;
  priority?: number | null;
  labels?: Record<string, string>;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  then?: Then | null;
  depends_on?: Array<string>;
  on_failed_dependency?: "cancel" | "run";
}
export interface NewEnvironment {
  name: string;
  description?: string | null;
  variables?: Record<string, string>;
  labels?: Record<string, string>;
}
export interface NewHold {
  name: string;
  reason?: string | null;
}
export interface NewKey {
  name: string;
  scope?: "admin" | "operate" | "read" | "submit";
  expires_at?: string | null;
}
export interface NewLimit {
  name: string;
  key: string;
  max?: number | null;
  rate?: number | null;
  per?: number | null;
}
export interface NewPolicy {
  name: string;
  module?: string | null;
  opa?: string | null;
  where?: "step" | "submit";
  enforcement?: "deny" | "warn";
  task?: string | null;
  queue?: string | null;
  environment?: string | null;
  agent?: string | null;
  named_only?: boolean;
  description?: string | null;
}
export interface NewQueue {
  name: string;
  environment?: string | null;
  description?: string | null;
  priority?: number | null;
  max_running?: number | null;
  rate?: number | null;
  per?: number;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  labels?: Record<string, string>;
  paused?: boolean;
  paused_because?: string | null;
}
export interface NewQuota {
  name: string;
  waiting?: number | null;
  bytes?: number | null;
}
export interface NewRetention {
  name: string;
  short?: number;
  default?: number;
  long?: number;
}
export interface NewSavedView {
  name: string;
  title?: string | null;
  description?: string | null;
  filters?: Record<string, string | Array<string>>;
  columns?: Array<string>;
  sort?: string | null;
}
export interface NewSchedule {
  name: string;
  submission?: Record<string, any>;
  description?: string | null;
  cron?: string | null;
  zone?: string;
  every?: number | null;
  at?: string | null;
  jitter?: number;
  overlap?: "allow" | "queue" | "replace" | "skip";
  most_waiting?: number;
  missed?: "all" | "last" | "skip";
  window?: number;
  start?: string | null;
  end?: string | null;
  max_runs?: number | null;
  paused?: boolean;
  paused_because?: string | null;
}
export interface NewTeam {
  name: string;
  agents?: Array<string>;
  routing?: "first" | "least_busy" | "round_robin";
  description?: string | null;
}
export interface NewWebhook {
  name: string;
  submission?: Record<string, any> | null;
  event?: EventTemplate | null;
  description?: string | null;
  per_minute?: number;
  paused?: boolean;
}
export interface NextTick {
  tick: string;
  local: string;
  fires_at: string;
  note: string | null;
}
export interface NoCommand {
}
export interface NoQuery {
}
export interface Nothing {
}
export interface One {
  wait: number;
  large: "reference" | "whole";
}
export interface OpenCount {
  count: number;
  oldest: string | null;
}
export interface OpenCounts {
  pending: OpenCount;
  running: OpenCount;
  most: number;
}
export interface Operations {
  cursor: string | null;
  limit: number;
}
export interface OtherAgent {
  name?: string | null;
  task: string;
  config?: any;
  description?: string | null;
  input?: any;
  queue?: string | null;
  environment?: string | null;
  policy?: string | null;
  priority?: number | null;
  labels?: Record<string, string>;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  then?: Then | null;
}
export interface OtherAlert {
  name?: string | null;
  when?: "execution_failed" | "failure_rate" | "no_worker" | "question_waiting" | "queue_wait" | "schedule_missed" | "stalled";
  description?: string | null;
  task?: string | null;
  queue?: string | null;
  agent_id?: string | null;
  label?: string | null;
  fingerprint?: string | null;
  schedule?: string | null;
  above?: number | null;
  measure?: "oldest" | "p95";
  window?: number;
  at_least?: number | null;
  per?: "execution" | "fingerprint" | "queue" | "rule" | "schedule" | "task" | null;
  settle?: number;
  severity?: "critical" | "error" | "info" | "warning";
  channels?: Array<string>;
  muted_until?: string | null;
}
export interface OtherChannel {
  name?: string | null;
  kind?: "email" | "slack" | "webhook";
  description?: string | null;
  url?: string | null;
  secret?: string | null;
  to?: Array<string>;
  events?: Array<string>;
  task?: string | null;
  queue?: string | null;
  agent_id?: string | null;
  label?: string | null;
  paused?: boolean;
}
export interface OtherDraft {
  name?: string | null;
  title?: string | null;
  notes?: string | null;
  task?: string | null;
  agent?: string | null;
  team?: string | null;
  input?: any;
  run_at?: string | null;
  queue?: string | null;
  environment?: string | null;
  priority?: number | null;
  labels?: Record<string, string>;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  then?: Then | null;
  depends_on?: Array<string>;
  on_failed_dependency?: "cancel" | "run";
}
export interface OtherEnvironment {
  name?: string | null;
  description?: string | null;
  variables?: Record<string, string>;
  labels?: Record<string, string>;
}
export interface OtherHold {
  name?: string | null;
  reason?: string | null;
}
export interface OtherLimit {
  name?: string | null;
  key: string;
  max?: number | null;
  rate?: number | null;
  per?: number | null;
}
export interface OtherPolicy {
  name?: string | null;
  module?: string | null;
  opa?: string | null;
  where?: "step" | "submit";
  enforcement?: "deny" | "warn";
  task?: string | null;
  queue?: string | null;
  environment?: string | null;
  agent?: string | null;
  named_only?: boolean;
  description?: string | null;
}
export interface OtherQueue {
  name?: string | null;
  environment?: string | null;
  description?: string | null;
  priority?: number | null;
  max_running?: number | null;
  rate?: number | null;
  per?: number;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  labels?: Record<string, string>;
  paused?: boolean;
  paused_because?: string | null;
}
export interface OtherQuota {
  name?: string | null;
  waiting?: number | null;
  bytes?: number | null;
}
export interface OtherRetention {
  name?: string | null;
  short?: number;
  default?: number;
  long?: number;
}
export interface OtherSavedView {
  name?: string | null;
  title?: string | null;
  description?: string | null;
  filters?: Record<string, string | Array<string>>;
  columns?: Array<string>;
  sort?: string | null;
}
export interface OtherSchedule {
  name?: string | null;
  submission?: Record<string, any>;
  description?: string | null;
  cron?: string | null;
  zone?: string;
  every?: number | null;
  at?: string | null;
  jitter?: number;
  overlap?: "allow" | "queue" | "replace" | "skip";
  most_waiting?: number;
  missed?: "all" | "last" | "skip";
  window?: number;
  start?: string | null;
  end?: string | null;
  max_runs?: number | null;
  paused?: boolean;
  paused_because?: string | null;
}
export interface OtherTeam {
  name?: string | null;
  agents?: Array<string>;
  routing?: "first" | "least_busy" | "round_robin";
  description?: string | null;
}
export interface OtherTimeouts {
  queue?: number | null;
  attempt?: number | null;
  execution?: number | null;
  heartbeat?: number | null;
}
export interface OtherWebhook {
  name?: string | null;
  submission?: Record<string, any> | null;
  event?: EventTemplate | null;
  description?: string | null;
  per_minute?: number;
  paused?: boolean;
}
export interface Page {
  items: Array<any>;
  next_cursor: string | null;
}
export interface Page_Agent_ {
  items: Array<Agent>;
  next_cursor: string | null;
}
export interface Page_Alert_ {
  items: Array<Alert>;
  next_cursor: string | null;
}
export interface Page_AttemptView_ {
  items: Array<AttemptView>;
  next_cursor: string | null;
}
export interface Page_BulkItem_ {
  items: Array<BulkItem>;
  next_cursor: string | null;
}
export interface Page_BulkView_ {
  items: Array<BulkView>;
  next_cursor: string | null;
}
export interface Page_ChannelView_ {
  items: Array<ChannelView>;
  next_cursor: string | null;
}
export interface Page_CheckpointView_ {
  items: Array<CheckpointView>;
  next_cursor: string | null;
}
export interface Page_DraftView_ {
  items: Array<DraftView>;
  next_cursor: string | null;
}
export interface Page_EnvironmentView_ {
  items: Array<EnvironmentView>;
  next_cursor: string | null;
}
export interface Page_Hold_ {
  items: Array<Hold>;
  next_cursor: string | null;
}
export interface Page_KeyView_ {
  items: Array<KeyView>;
  next_cursor: string | null;
}
export interface Page_LimitView_ {
  items: Array<LimitView>;
  next_cursor: string | null;
}
export interface Page_LossView_ {
  items: Array<LossView>;
  next_cursor: string | null;
}
export interface Page_Policy_ {
  items: Array<Policy>;
  next_cursor: string | null;
}
export interface Page_QueueView_ {
  items: Array<QueueView>;
  next_cursor: string | null;
}
export interface Page_Quota_ {
  items: Array<Quota>;
  next_cursor: string | null;
}
export interface Page_Retention_ {
  items: Array<Retention>;
  next_cursor: string | null;
}
export interface Page_SavedView_ {
  items: Array<SavedView>;
  next_cursor: string | null;
}
export interface Page_ScheduleView_ {
  items: Array<ScheduleView>;
  next_cursor: string | null;
}
export interface Page_StepView_ {
  items: Array<StepView>;
  next_cursor: string | null;
}
export interface Page_TaskView_ {
  items: Array<TaskView>;
  next_cursor: string | null;
}
export interface Page_Team_ {
  items: Array<Team>;
  next_cursor: string | null;
}
export interface Page_TickView_ {
  items: Array<TickView>;
  next_cursor: string | null;
}
export interface Page_WebhookView_ {
  items: Array<WebhookView>;
  next_cursor: string | null;
}
export interface Page_WorkerView_ {
  items: Array<WorkerView>;
  next_cursor: string | null;
}
export interface Paging {
  cursor: string | null;
  limit: number;
}
export interface PauseCommand {
  reason?: string | null;
}
export interface PauseSchedule {
  reason?: string | null;
}
export interface PerformerView {
  name: string;
  team: string | null;
  version: number;
  config: any;
  policy: string | null;
  current_version: number | null;
  changed: boolean;
  differences: Array<Difference>;
}
export interface Period {
  since: string;
  until: string;
  figures: Figures;
}
export interface Policy {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  module: string | null;
  opa: string | null;
  where: "step" | "submit";
  enforcement: "deny" | "warn";
  task: string | null;
  queue: string | null;
  environment: string | null;
  agent: string | null;
  named_only: boolean;
  description: string | null;
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  hint: string | null;
  instance: string | null;
  trace_id: string | null;
  errors: Array<FieldError>;
}
export interface Progress {
  fraction: number | null;
  message: string | null;
}
export interface QuestionFilters {
  status: Array<"answered" | "expired" | "open" | "withdrawn">;
  to: string | null;
  execution_id: string | null;
  task: string | null;
  cursor: string | null;
  limit: number;
  min_position: number | null;
}
export interface QuestionList {
  items: Array<QuestionView>;
  next_cursor: string | null;
  as_of: AsOf;
}
export interface QuestionView {
  execution_id: string;
  question_id: string;
  task: string;
  status: string;
  text: string;
  choices: Array<string>;
  schema: any;
  to: string | null;
  asked_at: string;
  deadline: string | null;
  default: any;
  remind_every: number | null;
  reminded: number;
  answer: any;
  answered_by: string | null;
  ended_at: string | null;
}
export interface QueueView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  environment: string | null;
  description: string | null;
  priority: number | null;
  max_running: number | null;
  rate: number | null;
  per: number;
  retry: RetryPolicy | null;
  timeouts: TimeoutPolicy | null;
  labels: Record<string, string>;
  paused: boolean;
  paused_because: string | null;
  paused_by: string | null;
  paused_since: string | null;
  workers: number;
  slots: number;
  waiting: number | null;
  running: number | null;
  oldest: string | null;
  classes: Record<string, ClassDepth>;
}
export interface Queued {
  id: string;
  channel: string;
}
export interface Quota {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  waiting: number | null;
  bytes: number | null;
}
export interface RejectCommand {
  reason?: string | null;
}
export interface RerunCommand {
  input?: any;
  queue?: string | null;
  environment?: string | null;
  priority?: number | null;
  delay?: number | null;
  run_at?: string | null;
  idempotency_key?: string | null;
  labels?: Record<string, string> | null;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  limits?: Array<Limit> | null;
}
export interface Result {
  status: number;
  execution: SubmittedView | null;
  error: Problem | null;
}
export interface ResumeCommand {
}
export interface Retention {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  short: number;
  default: number;
  long: number;
}
export interface Retry {
  attempts?: number;
  first?: number;
  factor?: number;
  cap?: number;
  jitter?: boolean;
  max_elapsed?: number | null;
  never?: Array<string>;
  only?: Array<string>;
}
export interface RetryCommand {
  from_start?: boolean;
  from_step?: StepPlace | null;
  input?: any;
  steps?: Array<StepResult>;
}
export interface RetryPolicy {
  attempts: number;
  first: number;
  factor: number;
  cap: number;
  jitter: boolean;
  max_elapsed: number | null;
  never: Array<string>;
  only: Array<string>;
}
export interface RotateKey {
  grace?: number;
}
export interface RouteLimit {
  name: string;
  max: number | null;
  rate: number | null;
  per: number | null;
  full: string | null;
}
export interface RouteView {
  task: string;
  queue: string;
  priority: number;
  priority_class: string;
  environment: string | null;
  agent_id: string | null;
  run_at: string | null;
  max_attempts: number;
  workers: Array<RouteWorker>;
  free_slots: number;
  limits: Array<RouteLimit>;
  denied: string | null;
  warnings: Array<string>;
}
export interface RouteWorker {
  worker_id: string;
  status: string;
  slots: number;
  busy: number;
  takes: boolean;
}
export interface RunsAsked {
  outcome: Array<string>;
  cursor: string | null;
  limit: number;
}
export interface SavedView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  title: string | null;
  description: string | null;
  filters: Record<string, string | Array<string>>;
  columns: Array<string>;
  sort: string | null;
}
export interface SchedulePreview {
  words: string;
  zone: string;
  next: Array<NextTick>;
}
export interface ScheduleView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  submission: Record<string, any>;
  description: string | null;
  cron: string | null;
  zone: string;
  every: number | null;
  at: string | null;
  jitter: number;
  overlap: "allow" | "queue" | "replace" | "skip";
  most_waiting: number;
  missed: "all" | "last" | "skip";
  window: number;
  start: string | null;
  end: string | null;
  max_runs: number | null;
  paused: boolean;
  paused_because: string | null;
  uid: string;
  since: string | null;
  words: string;
  next_at: string | null;
}
export interface Secret {
  name: string;
  secret: string;
}
export interface SecretCommand {
  keep_old?: number;
}
export interface SecretView {
  name: string;
  secret: string;
  path: string;
  old_until: string | null;
}
export interface SessionView {
  project: string;
  actor: string;
  scope: string;
  csrf: string | null;
  expires_at: string | null;
}
export interface Share {
  name: string | null;
  figures: Figures;
}
export interface SignIn {
  code?: string | null;
  key?: string | null;
}
export interface Sizing {
  items: Array<Suggestion>;
}
export interface SizingQuery {
  format: "csv" | "json";
}
export interface SlotsCommand {
  slots: number;
}
export interface SlowSteps {
  since: string;
  until: string;
  items: Array<StepFigures>;
}
export interface StallView {
  because: string;
  since: string;
}
export type Status = "cancelled" | "completed" | "failed" | "pending" | "running";
export interface StepFigures {
  task: string;
  step: string;
  count: number;
  total_ms: number;
  avg_ms: number;
  min_ms: number;
  max_ms: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}
export interface StepPlace {
  name: string;
  scope?: string | null;
  key?: string | null;
}
export interface StepResult {
  name: string;
  result: any;
  scope?: string;
  key?: string;
}
export interface StepView {
  scope: string;
  name: string;
  key: string;
  status: string;
  attempt: number;
  tries: number;
  ended_at: string | null;
  duration_ms: number | null;
  result: any;
  error: ErrorView | null;
  forgotten: boolean;
  n: number;
  undo: string | null;
  drifted: boolean;
  edited: boolean;
  edited_by: string | null;
}
export interface StepsQuery {
  since: string | null;
  until: string | null;
  task: string | null;
  limit: number;
  format: "csv" | "json";
}
export interface Submission {
  task?: string | null;
  agent?: string;
  team?: string;
  input?: any;
  queue?: string | null;
  environment?: string | null;
  priority?: number | null;
  delay?: number | null;
  run_at?: string | null;
  idempotency_key?: string | null;
  labels?: Record<string, string>;
  retry?: Retry | null;
  timeouts?: Timeouts | null;
  on_exhausted?: "ask" | "fail" | "hold";
  parent_id?: string | null;
  task_id?: string | null;
  then?: Then;
  limits?: Array<Limit>;
  debounce?: Debounce;
  retention?: "default" | "hold" | "long" | "short";
}
export interface SubmittedView {
  id: string;
  task: string;
  task_id: string | null;
  parent_id: string | null;
  root_id: string | null;
  retried_from: string | null;
  agent_id: string | null;
  agent_version: number | null;
  team_id: string | null;
  environment: string | null;
  queue: string;
  priority: number;
  labels: Record<string, string>;
  source: string;
  origin: string | null;
  scheduled_at: string | null;
  submitted_by: string | null;
  status: string;
  reason: string | null;
  waiting_on: Array<WaitView>;
  attempt: number;
  max_attempts: number;
  worker_id: string | null;
  children: ChildrenView | null;
  then: Array<BranchView>;
  triggered_by: TriggeredBy | null;
  progress: Progress | null;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  due_at: string | null;
  timeouts: TimeoutsView;
  queue_wait_ms: number | null;
  duration_ms: number | null;
  input: any;
  output: any;
  error: ErrorView | null;
  trace_id: string | null;
  retention: string;
  task_version: string | null;
  stalled: StallView | null;
  version: number;
  links: Record<string, string>;
  warnings: Array<string>;
}
export interface Suggestion {
  queue: string;
  workers: number;
  slots: number;
  utilisation: number | null;
  waiting: number;
  wait_p95_ms: number | null;
  suggested: number;
  why: string;
}
export interface Summary {
  since: string;
  until: string;
  figures: Figures;
  previous: Period;
}
export interface SummaryQuery {
  since: string | null;
  until: string | null;
  task: string | null;
  queue: string | null;
  environment: string | null;
  agent_id: string | null;
  team: string | null;
  format: "csv" | "json";
}
export interface Taken {
  execution_id: string;
  name: string;
  key: string | null;
  duplicate: boolean;
}
export interface TaskView {
  name: string;
  description: string | null;
  queue: string;
  priority: number;
  version: string | null;
  max_attempts: number;
  input_schema: any | null;
  output_schema: any | null;
  workers: number;
}
export interface Team {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  agents: Array<string>;
  routing: string;
  description: string | null;
}
export interface Tested {
  deliveries: Array<Queued>;
}
export interface Then {
  on_success?: FollowUp | null;
  on_failure?: FollowUp | null;
  on_any?: FollowUp | null;
}
export interface TickView {
  tick: string;
  outcome: "fired" | "missed" | "refused" | "skipped";
  cause: "backfill" | "catch_up" | "time" | "trigger";
  reason: string | null;
  execution_id: string | null;
  by: string | null;
  until: string | null;
  count: number;
  decided_at: string;
  status: string | null;
  duration_ms: number | null;
}
export interface TimeoutPolicy {
  queue: number | null;
  attempt: number | null;
  execution: number | null;
  heartbeat: number | null;
}
export interface Timeouts {
  queue?: number | null;
  attempt?: number | null;
  execution?: number | null;
  heartbeat?: number | null;
}
export interface TimeoutsView {
  queue: number | null;
  attempt: number | null;
  execution: number | null;
  heartbeat: number | null;
}
export interface Times {
  count: number;
  avg_ms: number | null;
  min_ms: number | null;
  max_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}
export interface Trend {
  since: string;
  until: string;
  bucket: string;
  zone: string;
  items: Array<Period>;
}
export interface TrendQuery {
  since: string | null;
  until: string | null;
  task: string | null;
  queue: string | null;
  environment: string | null;
  agent_id: string | null;
  team: string | null;
  format: "csv" | "json";
  bucket: "day" | "hour" | "minute";
  zone: string;
}
export interface TriggeredBy {
  execution_id: string;
  on: string;
  life: number;
}
export interface TryView {
  try: number;
  at: string;
  code: number | null;
  duration_ms: number;
  answer: string | null;
  error: string | null;
}
export interface Utilisation {
  since: string;
  until: string;
  by: string;
  items: Array<Busy>;
}
export interface UtilisationQuery {
  since: string | null;
  until: string | null;
  by: "all" | "queue" | "worker";
  format: "csv" | "json";
}
export interface Verdict {
  policy: string;
  rule: string;
  message: string;
  denies: boolean;
  version: number;
}
export interface Verification {
  sound: boolean;
  chains: Array<Chain>;
}
export interface WaitView {
  kind: string;
  question_id: string | null;
  text: string | null;
  choices: Array<string>;
  schema: any;
  to: string | null;
  asked_at: string | null;
  reminded: number | null;
  name: string | null;
  deadline: string | null;
  default: any;
  ended: number | null;
  wanted: number | null;
}
export interface Waiting {
  wait: number;
}
export interface WebhookView {
  name: string;
  created_at: string | null;
  created_by: string | null;
  updated_at: string | null;
  updated_by: string | null;
  version: number;
  submission: Record<string, any> | null;
  event: EventTemplate | null;
  description: string | null;
  per_minute: number;
  paused: boolean;
  path: string;
  secrets: number;
}
export interface Which {
  status: Array<Status>;
  task: string | null;
  cursor: string | null;
  limit: number;
  min_position: number | null;
}
export interface WorkerView {
  worker_id: string;
  status: string;
  host: string;
  pid: number;
  version: string;
  queues: Array<string>;
  tasks: Array<string>;
  slots: number;
  busy: number;
  started_at: string;
  last_seen: string;
  weights: Record<string, number>;
  executions: Array<string>;
}
/** By the path below /api/v1. */
export interface Answers {
  "/agents": Page_Agent_;
  "/agents/{}": Agent;
  "/alerts": Page_Alert_;
  "/alerts/{}": Alert;
  "/alerts/{}/incidents": IncidentPage;
  "/analytics/breakdown": Breakdown;
  "/analytics/slow-steps": SlowSteps;
  "/analytics/summary": Summary;
  "/analytics/trend": Trend;
  "/analytics/utilisation": Utilisation;
  "/analytics/workers": Sizing;
  "/api-keys": Page_KeyView_;
  "/api-keys/{}": KeyView;
  "/audit": AuditPage;
  "/audit/verify": Verification;
  "/bulk-operations": Page_BulkView_;
  "/bulk-operations/{}": BulkView;
  "/bulk-operations/{}/items": Page_BulkItem_;
  "/channels": Page_ChannelView_;
  "/channels/{}": ChannelView;
  "/channels/{}/deliveries": DeliveryPage;
  "/deliveries/{}": DeliveryDetails;
  "/drafts": Page_DraftView_;
  "/drafts/{}": DraftView;
  "/environments": Page_EnvironmentView_;
  "/environments/{}": EnvironmentView;
  "/error-groups": ErrorGroupList;
  "/error-groups/{}": ErrorGroupView;
  "/executions": ExecutionList;
  "/executions/counts": OpenCounts;
  "/executions/{}": ExecutionView;
  "/executions/{}/agent": PerformerView;
  "/executions/{}/attempts": Page_AttemptView_;
  "/executions/{}/checkpoints": Page_CheckpointView_;
  "/executions/{}/children": ExecutionList;
  "/executions/{}/events": Page;
  "/executions/{}/explain": Explanation;
  "/executions/{}/objects/{}": string;
  "/executions/{}/steps": Page_StepView_;
  "/holds": Page_Hold_;
  "/holds/{}": Hold;
  "/incidents": IncidentPage;
  "/limits": Page_LimitView_;
  "/limits/{}": LimitView;
  "/losses": Page_LossView_;
  "/openapi.json": Record<string, any>;
  "/policies": Page_Policy_;
  "/policies/{}": Policy;
  "/questions": QuestionList;
  "/queues": Page_QueueView_;
  "/queues/{}": QueueView;
  "/quotas": Page_Quota_;
  "/quotas/{}": Quota;
  "/retention": Page_Retention_;
  "/retention/{}": Retention;
  "/saved-views": Page_SavedView_;
  "/saved-views/{}": SavedView;
  "/schedules": Page_ScheduleView_;
  "/schedules/{}": ScheduleView;
  "/schedules/{}/next": Array<NextTick>;
  "/schedules/{}/runs": Page_TickView_;
  "/session": SessionView;
  "/tasks": Page_TaskView_;
  "/tasks/{}": TaskView;
  "/teams": Page_Team_;
  "/teams/{}": Team;
  "/webhooks": Page_WebhookView_;
  "/webhooks/{}": WebhookView;
  "/workers": Page_WorkerView_;
  "/workers/{}": WorkerView;
}
type Segment<S extends string> = string extends S ? "{}" : S extends `${string}?${string}` ? "?" : S;
type Shape<P extends string> = P extends `${infer H}/${infer R}` ? `${Segment<H>}/${Shape<R>}` : Segment<P>;
/** What GET of a path answers: a known path its view, any other path anything. */
export type Answer<P extends string> = Shape<P> extends keyof Answers ? Answers[Shape<P>] : any;
