export { type AgentReport, AgentReports, type KeptReport } from './agents/agent-reports.ts';
