export default function Home() {
  return <p>Hello from Remix</p>;
}
