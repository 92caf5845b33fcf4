@echo off
rem Starts Hakiri from the folder it lies in. Children are started from HAKIRI_SELF.
setlocal
set "HAKIRI_SELF=%~dp0boot.cjs"
set "NODE_OPTIONS="
set "NODE_PATH="
"%~dp0node.exe" "%~dp0boot.cjs" %*
exit /b %ERRORLEVEL%
