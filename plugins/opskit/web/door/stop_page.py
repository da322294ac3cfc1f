"""The page of the emergency stop: its state, a reason, one button."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Emergency stop</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1.5em auto; padding: 0 1.5em; max-width: 45em; color-scheme: light dark }}
h1.good {{ color: #1a7f37 }} h1.bad {{ color: #d1242f }}
input {{ width: 100%; font: inherit; padding: .4em; box-sizing: border-box }}
button {{ font: inherit; font-weight: 600; padding: .5em 1em; margin: 1em 0 }}
</style></head>
<body><h1 class="{tone}">{title}</h1>
<p>{text}</p>
<label>Why? (at least 10 characters; it goes on record and to Slack)
<input id="why" minlength="10" maxlength="500" required></label>
<button>{button}</button>
<p id="said" role="status"></p>
<script>
const button = document.querySelector("button"), why = document.getElementById("why")
// no form: Airflow shows this page in a frame that may submit none
button.onclick = async () => {{
  if (!why.reportValidity()) return
  button.disabled = true
  const headers = {{ "Content-Type": "application/json" }}, body = JSON.stringify({{ why: why.value }})
  const answer = await fetch("../{target}", {{ method: "POST", headers, body }})
  if (answer.ok) return location.reload()
  document.getElementById("said").textContent = (await answer.json()).detail
  button.disabled = false
}}
</script></body></html>
"""
