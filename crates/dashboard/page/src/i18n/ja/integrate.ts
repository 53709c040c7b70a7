export const integrate = {
  title: "連携",
  intro:
    "このページの内容はすべて、プログラムが使うのと同じ API から届きます。REST で読み書きし、ストリームで確定した変更をすぐに受け取れます。",
  docs: "API ドキュメント",
  openapi: "OpenAPI 文書",
  plain: "出発点になる素の JavaScript のページ",
  key_title: "1. キーを用意する",
  key_text:
    "プログラムは API キーでアクセスします。キーは作成時に一度だけ表示されます。下の例が読み取れる場所に保存してください。",
  key_ask: "キーはマネージャーとオーナーが作成します。いずれかに依頼してください。",
  key_free:
    "このサービスに接続できる人は、あなたと同じ操作ができます。例はキーなしで動きます。サインインするとキーを作成できます。",
  key_set: "シェルに保存",
  key_all: "すべてのキー",
  rest_title: "2. 読み取りと変更",
  rest_text: "応答には ETag が付きます。変更時に If-Match で送ると、互いの上書きを防げます。",
  rest_read: "品目を 3 件読み取る",
  rest_change: "1 つ出庫する（stock の権限が必要）",
  stream_title: "3. 変更を受け取る",
  stream_text:
    "まず現在の状態、続いて各変更が、変更前後の品目、操作者、理由とともに届きます。最後のカーソルで再接続すれば、取りこぼしはありません。",
  stream_events: "Server-Sent Events（イベントストリーム）",
  stream_socket: "WebSocket（JavaScript の例）",
  stream_poll: "ロングポーリング",
};
