# escape=`
FROM mcr.microsoft.com/windows/servercore:ltsc2022
SHELL ["powershell"]
RUN Write-Host `
    hello
