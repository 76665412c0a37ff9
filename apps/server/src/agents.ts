export { type AgentReport, AgentReports, type StoredReport } from './agents/agent-reports.ts';
