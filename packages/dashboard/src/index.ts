export {
  assertDashboardBuilt,
  type DashboardFile,
  dashboardFiles,
  dashboardFolder,
} from './files.ts';
export { routes, type Screen } from './routes.ts';
